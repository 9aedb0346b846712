//! Files and entries of findings that do not count are read, and what deployments read is changed or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship_domain::deploy::{DeployFile, DeployedImage};
use tagship_domain::findings::{Exploits, Ignore, read_ignore_file};
use tagship_domain::reference::{Digest, ImageName, RegistryHost, RepositoryName};

fuzz_target!(|input: &[u8]| {
    let Some([entry, text]) = tagship_fuzz::texts(input) else {
        return;
    };
    if let Ok(ignore) = Ignore::parse(entry) {
        let _shown = ignore.to_string();
    }
    let _read = read_ignore_file(text, None);
    let mut exploits = Exploits::default();
    let _read = (exploits.add_catalog(text), exploits.add_scores(text));
    let (Ok(registry), Ok(repository)) = (
        RegistryHost::parse("localhost:5000"),
        RepositoryName::parse("team/app"),
    ) else {
        return;
    };
    let name = ImageName { registry, repository };
    let image = DeployedImage {
        name: &name,
        digest: Digest::of(b""),
        tag: None,
        platforms: &[],
    };
    for entry in [
        entry,
        "type=kustomize,name=app,path=x",
        "type=helm-values,key=a,path=x",
        "type=image-definitions,container=a,path=x",
        "type=app-runner,path=x",
    ] {
        if let Ok(file) = DeployFile::parse(entry)
            && let Ok(once) = file.render(Some(text), &image)
        {
            // What was changed is not changed again.
            assert_eq!(file.render(Some(&once), &image).as_ref(), Ok(&once));
        }
    }
});
