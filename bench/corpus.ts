import { label } from './corpus/label.ts';

export async function benchCorpus(options: readonly string[]): Promise<void> {
  const value = (name: string): string[] => {
    const at = options.indexOf(name);
    return at < 0 ? [] : (options[at + 1] ?? '').split(',').filter((part) => part !== '');
  };
  if (options.includes('--label')) {
    const kernels = value('--kernels');
    await label({ kernels: kernels.length > 0 ? kernels : ['7.3', '6.18'], names: value('--names') });
  }
}
