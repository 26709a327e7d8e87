//! Wipes what a call leaves on the stack and in registers.
//!
//! Code that handles a secret spills it to the stack, and functions such as memcpy() leave 16 to 64 bytes of it in
//! vector registers. Both can stay for a long time, and the dynamic linker even saves all vector registers on the stack
//! when it binds a function at its first call. So every function of the C ABI that handles a secret ends with
//! [`cleared`], or with [`wiped`] where it may have left something on the stack.

#![allow(unsafe_code, reason = "registers have no safe interface")]

use zeroize::zeroize_stack;

/// Runs `body`, clears the registers, and overwrites DEPTH bytes of the stack, from the frame of `body` downwards. The
/// registers come first: overwriting calls memset(), and the dynamic linker saves the registers if it binds it.
#[inline(always)]
pub(crate) fn wiped<const DEPTH: usize, T>(body: impl FnOnce() -> T) -> T {
    let result = apart(body);
    clear_registers();
    zeroize_stack::<DEPTH>();
    result
}

/// Runs `body`, then clears the registers.
#[inline(always)]
pub(crate) fn cleared<T>(body: impl FnOnce() -> T) -> T {
    let result = body();
    clear_registers();
    result
}

/// Overwrites DEPTH bytes of the stack, then runs `body` there. For values that are moved to the heap: their padding and
/// unused variants keep what was on the stack. That can be a token that the caller left there.
#[inline(always)]
pub(crate) fn on_clean_stack<const DEPTH: usize, T>(body: impl FnOnce() -> T) -> T {
    zeroize_stack::<DEPTH>();
    apart(body)
}

/// Runs `body` in a frame below its caller's: only that part of the stack is overwritten.
#[inline(never)]
fn apart<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Clears the caller-saved registers; the others contain the caller's values. General registers are included, because
/// they can contain 8 bytes of a text.
///
/// Not inlined, so that callers keep nothing in these registers.
#[cfg(all(target_arch = "x86_64", not(windows), not(miri)))]
#[inline(never)]
fn clear_registers() {
    use std::arch::{asm, is_x86_feature_detected};

    // SAFETY: only registers are changed, and all are declared as clobbered, except zmm16 to zmm31: this code is not
    // compiled for AVX-512, so the compiler keeps nothing in those.
    unsafe {
        if is_x86_feature_detected!("avx") {
            clear_upper_16();
            asm!("vzeroall", clobber_abi("sysv64"), options(nostack, nomem));
        } else {
            asm!(
                "pxor xmm0, xmm0",
                "pxor xmm1, xmm1",
                "pxor xmm2, xmm2",
                "pxor xmm3, xmm3",
                "pxor xmm4, xmm4",
                "pxor xmm5, xmm5",
                "pxor xmm6, xmm6",
                "pxor xmm7, xmm7",
                "pxor xmm8, xmm8",
                "pxor xmm9, xmm9",
                "pxor xmm10, xmm10",
                "pxor xmm11, xmm11",
                "pxor xmm12, xmm12",
                "pxor xmm13, xmm13",
                "pxor xmm14, xmm14",
                "pxor xmm15, xmm15",
                clobber_abi("sysv64"),
                options(nostack, nomem)
            );
        }
        asm!(
            "xor ecx, ecx",
            "xor edx, edx",
            "xor esi, esi",
            "xor edi, edi",
            "xor r8d, r8d",
            "xor r9d, r9d",
            "xor r10d, r10d",
            "xor r11d, r11d",
            clobber_abi("sysv64"),
            options(nostack)
        );
    }
}

/// On Windows, rsi, rdi and the lower 128 bits of xmm6 to xmm15 are callee-saved.
#[cfg(all(target_arch = "x86_64", windows, not(miri)))]
#[inline(never)]
fn clear_registers() {
    use std::arch::{asm, is_x86_feature_detected};

    // SAFETY: as above. `vzeroupper` changes only what is caller-saved.
    unsafe {
        if is_x86_feature_detected!("avx") {
            clear_upper_16();
            asm!("vzeroupper", options(nostack, nomem, preserves_flags));
        }
        asm!(
            "pxor xmm0, xmm0",
            "pxor xmm1, xmm1",
            "pxor xmm2, xmm2",
            "pxor xmm3, xmm3",
            "pxor xmm4, xmm4",
            "pxor xmm5, xmm5",
            "xor ecx, ecx",
            "xor edx, edx",
            "xor r8d, r8d",
            "xor r9d, r9d",
            "xor r10d, r10d",
            "xor r11d, r11d",
            clobber_abi("win64"),
            options(nostack)
        );
    }
}

/// Clears zmm16 to zmm31, which glibc's memcpy() uses, where the CPU has AVX-512.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn clear_upper_16() {
    if !std::arch::is_x86_feature_detected!("avx512f") {
        return;
    }
    // SAFETY: the CPU has these registers, and the compiler keeps nothing in them.
    unsafe {
        std::arch::asm!(
            "vpxord zmm16, zmm16, zmm16",
            "vpxord zmm17, zmm17, zmm17",
            "vpxord zmm18, zmm18, zmm18",
            "vpxord zmm19, zmm19, zmm19",
            "vpxord zmm20, zmm20, zmm20",
            "vpxord zmm21, zmm21, zmm21",
            "vpxord zmm22, zmm22, zmm22",
            "vpxord zmm23, zmm23, zmm23",
            "vpxord zmm24, zmm24, zmm24",
            "vpxord zmm25, zmm25, zmm25",
            "vpxord zmm26, zmm26, zmm26",
            "vpxord zmm27, zmm27, zmm27",
            "vpxord zmm28, zmm28, zmm28",
            "vpxord zmm29, zmm29, zmm29",
            "vpxord zmm30, zmm30, zmm30",
            "vpxord zmm31, zmm31, zmm31",
            options(nostack, nomem, preserves_flags)
        );
    }
}

/// The lower 64 bits of v8 to v15 are callee-saved: moving them to themselves clears the upper ones. Writing to a NEON
/// register also clears the rest of its SVE register.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(never)]
fn clear_registers() {
    // SAFETY: only caller-saved registers are changed, and the compiler keeps nothing in them.
    unsafe {
        std::arch::asm!(
            "movi v0.2d, #0", "movi v1.2d, #0", "movi v2.2d, #0", "movi v3.2d, #0", "movi v4.2d, #0", "movi v5.2d, #0",
            "movi v6.2d, #0", "movi v7.2d, #0",
            "fmov d8, d8", "fmov d9, d9", "fmov d10, d10", "fmov d11, d11", "fmov d12, d12", "fmov d13, d13",
            "fmov d14, d14", "fmov d15, d15",
            "movi v16.2d, #0", "movi v17.2d, #0", "movi v18.2d, #0", "movi v19.2d, #0", "movi v20.2d, #0",
            "movi v21.2d, #0", "movi v22.2d, #0", "movi v23.2d, #0", "movi v24.2d, #0", "movi v25.2d, #0",
            "movi v26.2d, #0", "movi v27.2d, #0", "movi v28.2d, #0", "movi v29.2d, #0", "movi v30.2d, #0",
            "movi v31.2d, #0",
            "mov x1, xzr", "mov x2, xzr", "mov x3, xzr", "mov x4, xzr", "mov x5, xzr", "mov x6, xzr", "mov x7, xzr",
            "mov x8, xzr", "mov x9, xzr", "mov x10, xzr", "mov x11, xzr", "mov x12, xzr", "mov x13, xzr",
            "mov x14, xzr", "mov x15, xzr",
            "mov x16, xzr",
            "mov x17, xzr",
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _,
            out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _,
            out("v30") _, out("v31") _,
            out("x1") _, out("x2") _, out("x3") _, out("x4") _, out("x5") _, out("x6") _, out("x7") _, out("x8") _,
            out("x9") _, out("x10") _, out("x11") _, out("x12") _, out("x13") _, out("x14") _, out("x15") _,
            out("x16") _,
            out("x17") _,
            options(nostack, preserves_flags)
        );
    }
}

/// On other processors nothing is cleared.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn clear_registers() {}
