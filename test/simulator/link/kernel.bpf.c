// SPDX-License-Identifier: GPL-2.0
/* Types as a kernel could have them. Offsets in comments are counted by hand by the rules of C on 64 bits; core.test.ts builds on them. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef int s32;
typedef long long s64;

struct inner {
	u64 pad;
	u32 deep; /* 8; the struct has 16 bytes */
};
struct sample {
	u64 first;
	u32 moved;	  /* 8 */
	u64 widened;	  /* 16 */
	u16 narrowed;	  /* 24 */
	s64 sign_widened; /* 32 */
	union {		  /* 40 */
		struct {
			u32 a;
			u32 b; /* 44 */
		};
		u64 ab;
	};
	u32 low : 5, mid : 9; /* bits 0-4 and 5-13 of 48 */
	u32 high : 20;	      /* does not fit beside them: bits 0-19 of 52 */
	s32 negative : 6;     /* bits 20-25 of 52 */
	struct inner in[3];   /* 56, 72, 88 */
	s8 small;	      /* 104 */
	void *pointer;	      /* 112 */
	u32 other_kind;	      /* 120 */
	u32 was_bits;	      /* 124 */
	u64 tail[];	      /* 128, also the size */
};
struct packed_bits {
	u8 pad[3];
	u32 cross : 12; /* bits 24-35: only a 64-bit word holds them */
} __attribute__((packed));
typedef struct {
	u32 x, y;
} anonymous_t;
enum colour { RED = 3, GREEN = -70000 };
enum wide : unsigned long long { WIDE = 0x100000005ULL };

struct sample sample;
struct packed_bits packed_bits;
anonymous_t anonymous;
enum colour colour;
enum wide wide;
