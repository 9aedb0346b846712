//! The names of ECR's private registries.
//!
//! Source: ECR user guide, "Making requests to Amazon ECR over IPv6", with the four forms of names, and "Amazon ECR private
//! registry"; AWS's partitions for the domains.

/// The account and region of a private ECR host name.
pub(super) fn account_and_region(host: &str) -> Option<(&str, &str)> {
    const ENDINGS: [&str; 7] = [
        "amazonaws.com",
        "amazonaws.com.cn",
        "amazonaws.eu",
        "c2s.ic.gov",
        "sc2s.sgov.gov",
        "cloud.adc-e.uk",
        "csp.hci.ic.gov",
    ];
    // Dual-stack names put the service into one label: `<account>.dkr-ecr.<region>.on.aws`.
    const DUAL_STACK_ENDINGS: [&str; 2] = ["on.aws", "on.amazonwebservices.com.cn"];
    let (account, rest) = host.split_once('.')?;
    let (region, ending, endings) = if let Some(rest) = rest
        .strip_prefix("dkr.ecr.")
        .or_else(|| rest.strip_prefix("dkr.ecr-fips."))
    {
        let (region, ending) = rest.split_once('.')?;
        (region, ending, ENDINGS.as_slice())
    } else {
        let rest = rest
            .strip_prefix("dkr-ecr.")
            .or_else(|| rest.strip_prefix("dkr-ecr-fips."))?;
        let (region, ending) = rest.split_once('.')?;
        (region, ending, DUAL_STACK_ENDINGS.as_slice())
    };
    endings.contains(&ending).then_some((account, region))
}

/// Whether a private registry's name is the one with validated cryptography alone.
pub(super) fn is_fips(host: &str) -> bool {
    host.contains(".dkr.ecr-fips.") || host.contains(".dkr-ecr-fips.")
}

/// Whether a private registry's name is the one that is reached over IPv6 too.
pub(super) fn is_dual_stack(host: &str) -> bool {
    host.contains(".dkr-ecr.") || host.contains(".dkr-ecr-fips.")
}
