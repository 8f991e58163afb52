//! The README's tour is the code of `examples/hello`, which is tested and run.

#[test]
fn the_tour_is_the_hello_example() {
    let readme = include_str!("../../README.md");
    let account = include_str!("../../examples/hello/src/account.rs");
    let (account, test) = account.split_once("#[test]").expect("the example has a test");
    assert!(readme.contains(account.trim_end()), "copy account.rs into the README");
    let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    let whole = lines(account) + 1 + lines(test);
    assert!(whole <= 60, "the account has {whole} lines");
}
