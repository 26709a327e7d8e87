//! Linker options for the shared library that cargo does not set.

use std::env;

const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let options = match (target("FAMILY").as_str(), target("VENDOR").as_str()) {
        ("unix", "apple") => mach_o(),
        ("unix", _) => elf(&target("ARCH")),
        _ => return, // a DLL needs nothing more
    };
    for option in options {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
}

// Programs record the name of the library and look for it at run time, so it changes only when the ABI breaks.

fn elf(arch: &str) -> Vec<String> {
    let mut options = vec![
        format!("-soname,libtc_auth.so.{MAJOR}"),
        // Otherwise a thread that ends after dlclose() would run thread-local destructors in unmapped code.
        "-z,nodelete".to_owned(),
        // Makes the tables of function pointers read-only before the caller's code runs.
        "-z,relro,-z,now".to_owned(),
    ];
    // Segments must be aligned to pages, which can have 16 KiB in Android on x86-64. For arm64 and others with large
    // pages, linkers already align to 64 KiB, which this must not lower.
    if arch == "x86_64" {
        options.push("-z,max-page-size=16384".to_owned());
    }
    options
}

fn mach_o() -> Vec<String> {
    vec![
        format!("-install_name,@rpath/libtc_auth.{MAJOR}.dylib"),
        // The loader refuses a program that was linked with a newer minor version: it may call functions that this one
        // lacks.
        format!("-compatibility_version,{MAJOR}.{MINOR}.0"),
        format!("-current_version,{}", env!("CARGO_PKG_VERSION")),
        // Leaves out libraries that Rust links but that are not used.
        "-dead_strip_dylibs".to_owned(),
    ]
}
