//! Misuse is a clear compile error: what the compiler says is pinned here, word for word.

use std::process::Command;

/// The compiler whose own words, around ours, are pinned in `ui/traits`.
const PINNED: &str = "rustc 1.95.";

/// What the derives say is theirs alone, with every compiler.
#[test]
fn the_derives_report_all_mistakes_at_once() {
    trybuild::TestCases::new().compile_fail("ui/words/*.rs");
}

/// What traits say is wrapped into words of the compiler, which change with its version.
#[test]
fn the_traits_name_the_way_out() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler).arg("--version").output().expect("rustc is there").stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    if version.starts_with(PINNED) {
        trybuild::TestCases::new().compile_fail("ui/traits/*.rs");
    } else {
        println!("not compared word for word: pinned with {PINNED}x, this is {version}");
    }
}
