// SPDX-License-Identifier: GPL-2.0
/* Every kind of CO-RE relocation, one function each, against types that differ from those of kernel.bpf.c in every way they may. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef int s32;
typedef long long s64;

#define PROGRAM(name, argument) \
	__attribute__((section("syscall"), used)) u64 name(argument)
#define CORE __attribute__((preserve_access_index))
#define FIELD(field, info) __builtin_preserve_field_info(field, info)
enum { OFFSET, SIZE, EXISTS, SIGNED, LSHIFT, RSHIFT };
#define TYPE(type, info) __builtin_preserve_type_info(*(type *)0, info)
enum { TYPE_EXISTS, TYPE_SIZE, TYPE_MATCHES };
#define ENUMERATOR(type, value, info) __builtin_preserve_enum_value(*(type *)value, info)
enum { VALUE_EXISTS, VALUE };

struct inner___small {
	u32 deep;
} CORE;
struct sample___old {
	u32 moved;
	u32 widened;
	u32 narrowed;
	s32 sign_widened;
	u32 b;
	u64 high : 33;
	u32 mid : 9;
	s32 negative : 3;
	struct inner___small in[4];
	s8 small;
	void *pointer;
	void *other_kind;
	u32 was_bits : 3;
	int gone;
	u64 tail[];
} CORE;
struct sample___unsigned {
	u32 sign_widened; /* unsigned here, signed there */
} CORE;
struct sample___nested {
	union {
		struct {
			u32 a, b;
		};
		u64 ab;
	};
} CORE;
struct packed_bits {
	u32 cross : 12;
} CORE;
struct missing {
	u32 x;
} CORE;
typedef struct {
	u32 y;
} CORE anonymous_t;
struct inner___odd {
	u32 deep, extra;
} CORE;
enum colour___mine { RED___a = 1, GREEN = 2, BLUE = 4 };
enum wide___mine : unsigned long long { WIDE = 1ULL << 40 };
enum nowhere { NOTHING = 1 };

/* Loads, stores and address arithmetic */
PROGRAM(load_moved, struct sample___old *s) { return s->moved; }
PROGRAM(load_widened, struct sample___old *s) { return s->widened; }
PROGRAM(load_narrowed, struct sample___old *s) { return s->narrowed; }
PROGRAM(load_sign_widened, struct sample___old *s) { return s->sign_widened; }
PROGRAM(load_to_signed, struct sample___unsigned *s) { return s->sign_widened; }
PROGRAM(load_nested_b, struct sample___nested *s) { return s->b; }
PROGRAM(load_b, struct sample___old *s) { return s->b; }
PROGRAM(load_deep_2, struct sample___old *s) { return s->in[2].deep; }
PROGRAM(load_deep_3, struct sample___old *s) { return s->in[3].deep; }
PROGRAM(load_small, struct sample___old *s) { return s->small; }
PROGRAM(load_pointer, struct sample___old *s) { return (u64)s->pointer; }
PROGRAM(load_other_kind, struct sample___old *s) { return (u64)s->other_kind; }
PROGRAM(load_was_bits, struct sample___old *s) { return s->was_bits; }
PROGRAM(load_gone, struct sample___old *s) { return s->gone; }
PROGRAM(load_tail_2, struct sample___old *s) { return s->tail[2]; }
PROGRAM(load_second, struct sample___old *s) { return s[1].moved; }
PROGRAM(load_anonymous, anonymous_t *s) { return s->y; }
PROGRAM(load_missing, struct missing *s) { return s->x; }
PROGRAM(store_widened, struct sample___old *s) { s->widened = 0xfffffff1; return 0; }
PROGRAM(address_narrowed, struct sample___old *s) { return (u64)__builtin_preserve_access_index(&s->narrowed); }

/* What is told of fields */
PROGRAM(size_widened, struct sample___old *s) { return FIELD(s->widened, SIZE); }
PROGRAM(size_in, struct sample___old *s) { return FIELD(s->in, SIZE); }
PROGRAM(size_element, struct sample___old *s) { return FIELD(s->in[1], SIZE); }
PROGRAM(exists_b, struct sample___old *s) { return FIELD(s->b, EXISTS); }
PROGRAM(exists_gone, struct sample___old *s) { return FIELD(s->gone, EXISTS); }
PROGRAM(exists_other_kind, struct sample___old *s) { return FIELD(s->other_kind, EXISTS); }
PROGRAM(exists_in_3, struct sample___old *s) { return FIELD(s->in[3], EXISTS); }
PROGRAM(exists_missing, struct missing *s) { return FIELD(s->x, EXISTS); }
PROGRAM(signed_small, struct sample___old *s) { return FIELD(s->small, SIGNED); }
PROGRAM(signed_widened, struct sample___old *s) { return FIELD(s->widened, SIGNED); }
PROGRAM(lshift_narrowed, struct sample___old *s) { return FIELD(s->narrowed, LSHIFT); }
PROGRAM(rshift_narrowed, struct sample___old *s) { return FIELD(s->narrowed, RSHIFT); }

/* Bit fields: as libbpf's BPF_CORE_READ_BITFIELD reads them */
#define READ_BITS(s, field)                                              \
	({                                                               \
		void *at = (void *)(s) + FIELD((s)->field, OFFSET);      \
		u64 bits = 0;                                            \
		asm volatile("" : "+r"(at));                             \
		switch (FIELD((s)->field, SIZE)) {                       \
		case 1: bits = *(u8 *)at; break;                         \
		case 2: bits = *(u16 *)at; break;                        \
		case 4: bits = *(u32 *)at; break;                        \
		case 8: bits = *(u64 *)at; break;                        \
		}                                                        \
		bits <<= FIELD((s)->field, LSHIFT);                      \
		FIELD((s)->field, SIGNED) ?                              \
			(u64)((s64)bits >> FIELD((s)->field, RSHIFT)) :  \
			bits >> FIELD((s)->field, RSHIFT);               \
	})
PROGRAM(bits_mid, struct sample___old *s) { return READ_BITS(s, mid); }
PROGRAM(bits_high, struct sample___old *s) { return READ_BITS(s, high); }
PROGRAM(bits_negative, struct sample___old *s) { return READ_BITS(s, negative); }
PROGRAM(bits_cross, struct packed_bits *s) { return READ_BITS(s, cross); }
PROGRAM(bits_was_bits, struct sample___old *s) { return READ_BITS(s, was_bits); }
PROGRAM(lshift_mid, struct sample___old *s) { return FIELD(s->mid, LSHIFT); }
PROGRAM(rshift_mid, struct sample___old *s) { return FIELD(s->mid, RSHIFT); }
PROGRAM(size_cross, struct packed_bits *s) { return FIELD(s->cross, SIZE); }

/* Types */
PROGRAM(type_exists_sample, void *s) { return TYPE(struct sample___old, TYPE_EXISTS); }
PROGRAM(type_exists_missing, void *s) { return TYPE(struct missing, TYPE_EXISTS); }
PROGRAM(type_size_sample, void *s) { return TYPE(struct sample___old, TYPE_SIZE); }
PROGRAM(type_size_missing, void *s) { return TYPE(struct missing, TYPE_SIZE); }
PROGRAM(type_matches_inner, void *s) { return TYPE(struct inner___small, TYPE_MATCHES); }
PROGRAM(type_matches_odd, void *s) { return TYPE(struct inner___odd, TYPE_MATCHES); }
PROGRAM(type_matches_colour, void *s) { return TYPE(enum colour___mine, TYPE_MATCHES); }
PROGRAM(type_id_local, void *s) { return __builtin_btf_type_id(*(struct sample___old *)0, 0); }
PROGRAM(type_id_target, void *s) { return __builtin_btf_type_id(*(struct sample___old *)0, 1); }
PROGRAM(type_id_target_missing, void *s) { return __builtin_btf_type_id(*(struct missing *)0, 1); }

/* Enumerators */
PROGRAM(value_red, void *s) { return ENUMERATOR(enum colour___mine, RED___a, VALUE); }
PROGRAM(value_green, void *s) { return ENUMERATOR(enum colour___mine, GREEN, VALUE); }
PROGRAM(value_blue, void *s) { return ENUMERATOR(enum colour___mine, BLUE, VALUE); }
PROGRAM(value_wide, void *s) { return ENUMERATOR(enum wide___mine, WIDE, VALUE); }
PROGRAM(value_exists_green, void *s) { return ENUMERATOR(enum colour___mine, GREEN, VALUE_EXISTS); }
PROGRAM(value_exists_blue, void *s) { return ENUMERATOR(enum colour___mine, BLUE, VALUE_EXISTS); }
PROGRAM(value_exists_nothing, void *s) { return ENUMERATOR(enum nowhere, NOTHING, VALUE_EXISTS); }

char _license[] __attribute__((section("license"), used)) = "GPL";
