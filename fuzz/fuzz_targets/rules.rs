//! Rules, flavors, images and labels are read and applied in both modes; what the strict mode makes is legal.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use tagship_domain::event::{Event, JobVariables, Payload, RepositoryInfo};
use tagship_domain::reference::Tag;
use tagship_domain::tags::{Listing, Mode, RawLists, TagContext};

fuzz_target!(|input: &[u8]| {
    let Some([tags, flavor, images, git_ref]) = tagship_fuzz::texts(input) else {
        return;
    };
    let variables = JobVariables {
        event_name: "push",
        git_ref,
        sha: "860c1904a1ce19322e91ac35af1ab07466440c37",
        head_of_pull_request: false,
    };
    let event = Event::of_job(variables, &Payload::default());
    for mode in [Mode::Strict, Mode::MetadataAction] {
        let given = TagContext {
            mode,
            event: &event,
            repository: &RepositoryInfo::default(),
            version: None,
            tag_prefix: None,
            now: Timestamp::UNIX_EPOCH,
            committed_at: Some(Timestamp::UNIX_EPOCH),
            short_digits: None,
            is_dirty: false,
        };
        let raw = RawLists {
            images,
            tags,
            flavor,
            labels: tags,
            annotations: flavor,
        };
        let listing = Listing::new(raw, &given);
        assert_eq!(listing, Listing::new(raw, &given));
        if let (Mode::Strict, Ok(listing)) = (mode, listing) {
            assert!(listing.tag_names.iter().all(|tag| Tag::parse(tag).is_ok()));
        }
    }
});
