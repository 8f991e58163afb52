//! A case that is written but not listed would never run.

#[test]
fn every_case_is_listed() {
    let list = include_str!("../mod.rs");
    let topics = [
        include_str!("../publishers/cancellation.rs"),
        include_str!("../publishers/contents.rs"),
        include_str!("../publishers/order.rs"),
        include_str!("../publishers/outages.rs"),
        include_str!("../publishers/refusals.rs"),
        include_str!("../publishers/repetition.rs"),
        include_str!("../sources/groups.rs"),
        include_str!("../sources/missing.rs"),
        include_str!("../sources/order.rs"),
        include_str!("../sources/outages.rs"),
        include_str!("../sources/parts.rs"),
        include_str!("../sources/redelivery.rs"),
        include_str!("../sources/slow.rs"),
        include_str!("../sources/take_over.rs"),
        include_str!("../sources/waiting.rs"),
    ];
    let listed = |case: &&str| list.lines().any(|line| line.trim() == *case);
    let mut cases = 0;
    for topic in topics {
        for line in topic.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let case = rest.split('(').next().unwrap_or(rest);
            assert!(listed(&case), "the case `{case}` is not listed in broker_conformance!");
            cases += 1;
        }
    }
    assert!(cases > 40, "only {cases} cases were found");
}
