// What a BTF type can be, one shape per kind. Types refer to each other by id; id 0 is `void`.
// Source: the kernel's Documentation/bpf/btf.rst, section 2.2.

export interface Named {
  readonly id: number;
  readonly name: string;
}
export interface Member {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 when the member is not a bit field. */
  readonly bitSize: number;
}
export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}
export interface Variable {
  readonly type: number;
  /** 0 in objects fresh from clang, which leave it to the symbol table. */
  readonly offset: number;
  readonly size: number;
}
export type Linkage = 'static' | 'global' | 'extern';

export type VoidType = Named & { readonly kind: 'void' };
export type IntType = Named & {
  readonly kind: 'int';
  readonly size: number;
  readonly bits: number;
  readonly bitOffset: number;
  readonly encoding: 'unsigned' | 'signed' | 'char' | 'bool';
};
export type FloatType = Named & { readonly kind: 'float'; readonly size: number };
/** Types that only point at another type. `fwd`s are declared structs or unions. */
export type ReferenceType = Named & {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly type: number;
};
export type ForwardType = Named & { readonly kind: 'fwd'; readonly of: 'struct' | 'union' };
export type ArrayType = Named & {
  readonly kind: 'array';
  readonly element: number;
  readonly index: number;
  readonly count: number;
};
export type CompositeType = Named & {
  readonly kind: 'struct' | 'union';
  readonly size: number;
  readonly members: readonly Member[];
};
export type EnumType = Named & {
  readonly kind: 'enum' | 'enum64';
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly Enumerator[];
};
export type FunctionType = Named & {
  readonly kind: 'func';
  readonly type: number;
  readonly linkage: Linkage;
};
/** A last parameter of type 0 without a name means "and more" (`...`). */
export type PrototypeType = Named & {
  readonly kind: 'func_proto';
  readonly returns: number;
  readonly parameters: readonly { readonly name: string; readonly type: number }[];
};
export type VariableType = Named & { readonly kind: 'var'; readonly type: number; readonly linkage: Linkage };
export type DataSectionType = Named & {
  readonly kind: 'datasec';
  readonly size: number;
  readonly variables: readonly Variable[];
};
export type DeclarationTagType = Named & {
  readonly kind: 'decl_tag';
  readonly type: number;
  /** Which member or parameter; -1 for the type itself. */
  readonly component: number;
};
export type BtfType =
  | VoidType
  | IntType
  | FloatType
  | ReferenceType
  | ForwardType
  | ArrayType
  | CompositeType
  | EnumType
  | FunctionType
  | PrototypeType
  | VariableType
  | DataSectionType
  | DeclarationTagType;
export type BtfKind = BtfType['kind'];
type Match<T extends BtfType, K> = T extends BtfType
  ? Extract<T['kind'], K> extends never
    ? never
    : T
  : never;
/** The shape of the types of those kinds. */
export type OfKind<K extends BtfKind> = Match<BtfType, K>;
