// How records name one another and their blobs.

import { z } from 'zod';

export const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256, hexadecimal');
