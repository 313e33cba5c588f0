#include "textflag.h"

// Loops of eight rows at a time, by AVX-512 (F, BW, DQ, VL). Sets of rows are its masks: a byte of a set is one group of eight rows. Each does just what
// the loop of the same name does in Go, in the same order of operations, without fusing products with sums.

#define ONES(k) KXNORB k, k, k

// COMPARE compares groups of eight numbers with one, by a predicate of the processor.
#define COMPARE(predicate) \
	MOVQ dst+0(FP), DI; \
	MOVQ a+8(FP), SI; \
	MOVQ groups+16(FP), CX; \
	VBROADCASTSD c+24(FP), Z0; \
loop: \
	VMOVUPD (SI), Z1; \
	VCMPPD predicate, Z0, Z1, K1; \
	KMOVB K1, (DI); \
	ADDQ $64, SI; \
	INCQ DI; \
	DECQ CX; \
	JNZ loop; \
	VZEROUPPER; \
	RET

// func compareLess(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareLess(SB), NOSPLIT, $0-32
	COMPARE($0x11)

// func compareLessEqual(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareLessEqual(SB), NOSPLIT, $0-32
	COMPARE($0x12)

// func compareGreater(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareGreater(SB), NOSPLIT, $0-32
	COMPARE($0x1E)

// func compareGreaterEqual(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareGreaterEqual(SB), NOSPLIT, $0-32
	COMPARE($0x1D)

// func compareEqual(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareEqual(SB), NOSPLIT, $0-32
	COMPARE($0x00)

// func compareNotEqual(dst *uint64, a *float64, groups int, c float64)
TEXT ·compareNotEqual(SB), NOSPLIT, $0-32
	COMPARE($0x04)

// func pickOf(dst *uint64, codes *uint32, groups int, table uint64)
TEXT ·pickOf(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ groups+16(FP), CX
	VPBROADCASTQ table+24(FP), Z0
	MOVQ $1, AX
	VPBROADCASTQ AX, Z1
loop:
	VPMOVZXDQ (SI), Z2
	VPSRLVQ Z2, Z0, Z3
	VPTESTMQ Z1, Z3, K1
	KMOVB K1, (DI)
	ADDQ $32, SI
	INCQ DI
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func masksOf(dst *uint8, sets *frame.Bitmap, count int, words int)
TEXT ·masksOf(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ sets+8(FP), SI
	MOVQ count+16(FP), DX
	MOVQ words+24(FP), CX
	XORQ BX, BX
	MOVQ $1, AX
	VPBROADCASTB AX, Z3
word:
	VPXORQ Z0, Z0, Z0
	VMOVDQA64 Z3, Z1
	MOVQ SI, R8
	MOVQ DX, R9
set:
	MOVQ (R8), R10
	KMOVQ (R10)(BX*8), K1
	VMOVDQU8.Z Z1, K1, Z2
	VPORQ Z2, Z0, Z0
	VPADDB Z1, Z1, Z1
	ADDQ $24, R8
	DECQ R9
	JNZ set
	VMOVDQU64 Z0, (DI)
	ADDQ $64, DI
	INCQ BX
	DECQ CX
	JNZ word
	VZEROUPPER
	RET

// CLAMP cuts numbers that are not NaN at 0 and 100, by their bits; zero is Z30, and a hundred Z31.
#define CLAMP(z) \
	VPMAXSQ Z30, z, z; \
	VPMINSQ Z31, z, z

#define CLAMPING \
	VPXORQ Z30, Z30, Z30; \
	MOVQ $0x4059000000000000, AX; \
	VPBROADCASTQ AX, Z31

#define LINEAR(SCALE) \
	CLAMPING; \
loop: \
	VMOVUPD (SI), Z2; \
	VSUBPD Z0, Z2, Z2; \
	SCALE Z1, Z2, Z2; \
	VMULPD Z31, Z2, Z2; \
	CLAMP(Z2); \
	VMOVUPD Z2, (DI); \
	ADDQ $64, SI; \
	ADDQ $64, DI; \
	DECQ CX; \
	JNZ loop; \
	VZEROUPPER; \
	RET

// func linearTimes(out, in *float64, groups int, low, scale float64)
TEXT ·linearTimes(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ groups+16(FP), CX
	VBROADCASTSD low+24(FP), Z0
	VBROADCASTSD scale+32(FP), Z1
	LINEAR(VMULPD)

// func linearOver(out, in *float64, groups int, low, scale float64)
TEXT ·linearOver(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ groups+16(FP), CX
	VBROADCASTSD low+24(FP), Z0
	VBROADCASTSD scale+32(FP), Z1
	LINEAR(VDIVPD)

// func addFourOf(sums *float64, columns *[4]Weighted, groups int)
TEXT ·addFourOf(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ columns+8(FP), BX
	MOVQ groups+16(FP), CX
	MOVQ 0(BX), R8
	MOVQ 24(BX), R9
	VBROADCASTSD 48(BX), Z8
	MOVQ 56(BX), R10
	MOVQ 80(BX), R11
	VBROADCASTSD 104(BX), Z9
	MOVQ 112(BX), R12
	MOVQ 136(BX), R13
	VBROADCASTSD 160(BX), Z10
	MOVQ 168(BX), AX
	MOVQ 192(BX), SI
	VBROADCASTSD 216(BX), Z11
	XORQ DX, DX
	XORQ BX, BX
loop:
	VMOVUPD (DI)(BX*1), Z0
	KMOVB (R9)(DX*1), K1
	KMOVB (R11)(DX*1), K2
	KMOVB (R13)(DX*1), K3
	KMOVB (SI)(DX*1), K4
	VMOVAPD.Z Z8, K1, Z1
	VMOVAPD.Z Z9, K2, Z2
	VMOVAPD.Z Z10, K3, Z3
	VMOVAPD.Z Z11, K4, Z4
	VMULPD (R8)(BX*1), Z1, Z1
	VMULPD (R10)(BX*1), Z2, Z2
	VMULPD (R12)(BX*1), Z3, Z3
	VMULPD (AX)(BX*1), Z4, Z4
	VADDPD Z1, Z0, Z0
	VADDPD Z2, Z0, Z0
	VADDPD Z3, Z0, Z0
	VADDPD Z4, Z0, Z0
	VMOVUPD Z0, (DI)(BX*1)
	ADDQ $64, BX
	INCQ DX
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func addOneOf(sums *float64, column *Weighted, groups int)
TEXT ·addOneOf(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ column+8(FP), BX
	MOVQ groups+16(FP), CX
	MOVQ 0(BX), R8
	MOVQ 24(BX), R9
	VBROADCASTSD 48(BX), Z8
loop:
	VMOVUPD (DI), Z0
	KMOVB (R9), K1
	VMOVAPD.Z Z8, K1, Z1
	VMULPD (R8), Z1, Z1
	VADDPD Z1, Z0, Z0
	VMOVUPD Z0, (DI)
	ADDQ $64, DI
	ADDQ $64, R8
	INCQ R9
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func meansOf(sums, shares *float64, valid *uint64, masks *uint8, groups int, t *MeanTable)
TEXT ·meansOf(SB), NOSPLIT, $0-48
	MOVQ sums+0(FP), DI
	MOVQ shares+8(FP), SI
	MOVQ valid+16(FP), R9
	MOVQ masks+24(FP), R8
	MOVQ groups+32(FP), CX
	MOVQ t+40(FP), BX
	CLAMPING
loop:
	VPMOVZXBQ (R8), Z0
	ONES(K1)
	ONES(K2)
	ONES(K3)
	VGATHERQPD (BX)(Z0*8), K1, Z1
	VGATHERQPD 2048(BX)(Z0*8), K2, Z2
	VGATHERQPD 4096(BX)(Z0*8), K3, Z3
	VMOVUPD (DI), Z4
	VDIVPD Z1, Z4, Z4
	VCMPPD $0x1E, Z31, Z4, K4
	VMOVAPD Z31, K4, Z4
	VMULPD Z2, Z4, Z4
	VMOVUPD Z4, (DI)
	VMOVUPD Z3, (SI)
	VCMPPD $0x04, Z30, Z2, K5
	KMOVB K5, (R9)
	ADDQ $64, DI
	ADDQ $64, SI
	ADDQ $8, R8
	INCQ R9
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// STEPPING prepares the way down a tree of at least three levels, whose keys are at R8: the first eight are Z20.
#define STEPPING \
	MOVQ $1, AX; \
	VPBROADCASTQ AX, Z29; \
	VMOVDQU64 (R8), Z20; \
	SUBQ $3, R9

#define STEP \
	VPCMPQ $2, Z0, Z4, K2; \
	VPADDQ Z3, Z3, Z3; \
	VPADDQ Z29, Z3, K2, Z3

// STEPS leaves in Z3 the places of the numbers in Z1 below the tree, R9 levels further down than three.
#define STEPS \
	VADDPD Z30, Z1, Z0; \
	VPSRAQ $63, Z0, Z2; \
	VPSRLQ $1, Z2, Z2; \
	VPXORQ Z2, Z0, Z0; \
	VMOVDQA64 Z29, Z3; \
	VPERMQ Z20, Z3, Z4; \
	STEP; \
	VPERMQ Z20, Z3, Z4; \
	STEP; \
	VPERMQ Z20, Z3, Z4; \
	STEP; \
	MOVQ R9, DX; \
	TESTQ DX, DX; \
	JZ found; \
down: \
	ONES(K1); \
	VPGATHERQQ (R8)(Z3*8), K1, Z4; \
	STEP; \
	DECQ DX; \
	JNZ down; \
found:

// func ranksOf(out, in *float64, groups int, keys *int64, levels int, between *float64)
TEXT ·ranksOf(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ groups+16(FP), BX
	MOVQ keys+24(FP), R8
	MOVQ levels+32(FP), R9
	MOVQ between+40(FP), R10
	MOVQ R9, CX
	MOVQ $8, AX
	SHLQ CX, AX
	SUBQ AX, R10
	CLAMPING
	STEPPING
loop:
	VMOVUPD (SI), Z1
	STEPS
	ONES(K1)
	VGATHERQPD (R10)(Z3*8), K1, Z5
	VMOVUPD Z5, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ BX
	JNZ loop
	VZEROUPPER
	RET

// func polylineOf(out, in *float64, groups int, keys *int64, levels int, pieces *piece)
TEXT ·polylineOf(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ groups+16(FP), BX
	MOVQ keys+24(FP), R8
	MOVQ levels+32(FP), R9
	MOVQ pieces+40(FP), R10
	MOVQ R9, CX
	MOVQ $24, AX
	SHLQ CX, AX
	SUBQ AX, R10
	CLAMPING
	STEPPING
loop:
	VMOVUPD (SI), Z1
	STEPS
	VPADDQ Z3, Z3, Z4
	VPADDQ Z3, Z4, Z4
	ONES(K1)
	ONES(K2)
	ONES(K3)
	VGATHERQPD (R10)(Z4*8), K1, Z5
	VGATHERQPD 8(R10)(Z4*8), K2, Z6
	VGATHERQPD 16(R10)(Z4*8), K3, Z7
	VSUBPD Z5, Z1, Z5
	VMULPD Z7, Z5, Z5
	VADDPD Z5, Z6, Z5
	CLAMP(Z5)
	VCMPPD $0x00, Z30, Z7, K4
	VMOVAPD Z6, K4, Z5
	VMOVUPD Z5, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ BX
	JNZ loop
	VZEROUPPER
	RET

// func logarithmicOf(out, in *float64, near *uint8, groups int, steps *logStep, c *logConstants)
TEXT ·logarithmicOf(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ near+16(FP), R9
	MOVQ groups+24(FP), CX
	MOVQ steps+32(FP), R8
	MOVQ c+40(FP), BX
	CLAMPING
	VBROADCASTSD 0(BX), Z8    // low
	VBROADCASTSD 8(BX), Z9    // high
	VBROADCASTSD 16(BX), Z10  // base
	VBROADCASTSD 24(BX), Z11  // width
	VBROADCASTSD 32(BX), Z12  // log10c1
	VBROADCASTSD 40(BX), Z13
	VBROADCASTSD 48(BX), Z14
	VBROADCASTSD 56(BX), Z15
	VBROADCASTSD 64(BX), Z16
	VBROADCASTSD 72(BX), Z17  // log10c6
	VBROADCASTSD 80(BX), Z18  // log10Of2
	VBROADCASTSD 88(BX), Z19  // roundToWhole
	VBROADCASTSD 96(BX), Z20  // snap
	MOVQ $0x3fe6000000000000, AX
	VPBROADCASTQ AX, Z21      // logFirst
	MOVQ $127, AX
	VPBROADCASTQ AX, Z22
	MOVQ $0xfff0000000000000, AX
	VPBROADCASTQ AX, Z23
	MOVQ $0x7fffffffffffffff, AX
	VPBROADCASTQ AX, Z24
loop:
	VMOVUPD (SI), Z0
	VPSUBQ Z21, Z0, Z1        // offset
	VPSRLQ $45, Z1, Z2
	VPANDQ Z22, Z2, Z2
	VPADDQ Z2, Z2, Z3
	VPADDQ Z2, Z3, Z3         // the step's place, in words
	ONES(K1)
	ONES(K2)
	ONES(K3)
	VGATHERQPD 0(R8)(Z3*8), K1, Z4
	VGATHERQPD 8(R8)(Z3*8), K2, Z5
	VGATHERQPD 16(R8)(Z3*8), K3, Z6
	VPANDQ Z23, Z1, Z2
	VPSUBQ Z2, Z0, Z2
	VSUBPD Z4, Z2, Z2
	VMULPD Z5, Z2, Z2         // r
	VPSRAQ $52, Z1, Z1
	VCVTQQ2PD Z1, Z1          // exponent
	VMULPD Z2, Z2, Z3         // square
	VMULPD Z17, Z2, Z4
	VADDPD Z4, Z16, Z4        // c5 + r·c6
	VMULPD Z4, Z3, Z4
	VMULPD Z15, Z2, Z5
	VADDPD Z5, Z14, Z5        // c3 + r·c4
	VADDPD Z4, Z5, Z4
	VMULPD Z4, Z3, Z4
	VMULPD Z13, Z2, Z5
	VADDPD Z5, Z12, Z5        // c1 + r·c2
	VADDPD Z4, Z5, Z4         // the tail
	VMULPD Z18, Z1, Z1
	VADDPD Z6, Z1, Z1
	VMULPD Z4, Z2, Z2
	VADDPD Z2, Z1, Z1         // y
	VADDPD Z19, Z1, Z2
	VSUBPD Z19, Z2, Z2
	VSUBPD Z2, Z1, Z2
	VPANDQ Z24, Z2, Z2
	VCMPPD $0x11, Z20, Z2, K4
	VSUBPD Z10, Z1, Z1
	VDIVPD Z11, Z1, Z1
	VMULPD Z31, Z1, Z1
	CLAMP(Z1)
	VCMPPD $0x12, Z8, Z0, K5  // x <= low
	VCMPPD $0x1D, Z9, Z0, K6  // x >= high
	VMOVAPD Z31, K6, Z1
	VMOVAPD Z30, K5, Z1
	KORB K5, K6, K5
	KANDNB K4, K5, K4
	KMOVB K4, (R9)
	VMOVUPD Z1, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	INCQ R9
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func soundOf(values *float64, valid *uint64, groups int) (infinite, left uint64)
TEXT ·soundOf(SB), NOSPLIT, $0-40
	MOVQ values+0(FP), SI
	MOVQ valid+8(FP), DI
	MOVQ groups+16(FP), CX
	MOVQ $0x7ff0000000000000, AX
	VPBROADCASTQ AX, Z1
	KXORB K6, K6, K6
	KXORB K7, K7, K7
loop:
	VMOVDQU64 (SI), Z0
	KMOVB (DI), K1
	KNOTB K1, K1
	VPTESTMQ Z0, Z0, K1, K2
	VPANDQ Z1, Z0, Z0
	VPCMPEQQ Z1, Z0, K3
	KORB K2, K7, K7
	KORB K3, K6, K6
	ADDQ $64, SI
	INCQ DI
	DECQ CX
	JNZ loop
	KMOVB K6, AX
	KMOVB K7, BX
	MOVQ AX, infinite+24(FP)
	MOVQ BX, left+32(FP)
	VZEROUPPER
	RET

// func widenOf(dst *float64, from *int64, valid *uint64, groups int, most float64) (beyond uint64)
TEXT ·widenOf(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ valid+16(FP), R8
	MOVQ groups+24(FP), CX
	VBROADCASTSD most+32(FP), Z1
	MOVQ $0x7fffffffffffffff, AX
	VPBROADCASTQ AX, Z2
	KXORB K7, K7, K7
loop:
	KMOVB (R8), K1
	VMOVDQU64 (SI), Z0
	VCVTQQ2PD.Z Z0, K1, Z0
	VPANDQ Z2, Z0, Z3
	VCMPPD $0x1D, Z1, Z3, K2
	KORB K2, K7, K7
	VMOVUPD Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	INCQ R8
	DECQ CX
	JNZ loop
	KMOVB K7, AX
	MOVQ AX, beyond+40(FP)
	VZEROUPPER
	RET

// func recodeOf(dst *uint32, places *uint32, valid *uint64, pairs int, table *uint32, size uint32) (outside uint64)
TEXT ·recodeOf(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ places+8(FP), SI
	MOVQ valid+16(FP), R8
	MOVQ pairs+24(FP), CX
	MOVQ table+32(FP), R9
	MOVL size+40(FP), AX
	VPBROADCASTD AX, Z1
	KXORW K7, K7, K7
loop:
	KMOVW (R8), K1
	VMOVDQU32 (SI), Z0
	VPCMPUD $1, Z1, Z0, K1, K2
	KXORW K1, K2, K3
	KORW K3, K7, K7
	VPXORD Z2, Z2, Z2
	VPGATHERDD (R9)(Z0*4), K2, Z2
	VMOVDQU32 Z2, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	ADDQ $2, R8
	DECQ CX
	JNZ loop
	KMOVW K7, AX
	MOVQ AX, outside+48(FP)
	VZEROUPPER
	RET

// func countOf(levels *uint32, set *uint64, pairs int, step uint32)
TEXT ·countOf(SB), NOSPLIT, $0-28
	MOVQ levels+0(FP), DI
	MOVQ set+8(FP), SI
	MOVQ pairs+16(FP), CX
	MOVL step+24(FP), AX
	VPBROADCASTD AX, Z1
loop:
	KMOVW (SI), K1
	VMOVDQU32 (DI), Z0
	VPADDD Z1, Z0, K1, Z0
	VMOVDQU32 Z0, (DI)
	ADDQ $64, DI
	ADDQ $2, SI
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func narrowOf(dst *uint8, codes *uint32, pairs int)
TEXT ·narrowOf(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ pairs+16(FP), CX
loop:
	VMOVDQU32 (SI), Z0
	VPMOVDB Z0, (DI)
	ADDQ $64, SI
	ADDQ $16, DI
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET
