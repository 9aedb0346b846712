//! Policies and tags of public repositories.

use super::repositories::REPOSITORY_NAME;
use crate::faces::ecr::repository_policy::{self, POLICY_TEXT};
use crate::faces::ecr::resource_tags;
use crate::faces::json_api::{Handler, Operation, Resource, Shape, optional, required};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DeleteRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
        ],
        run: Handler::Blocking(repository_policy::delete),
    },
    Operation {
        name: "GetRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
        ],
        run: Handler::Blocking(repository_policy::get),
    },
    Operation {
        name: "SetRepositoryPolicy",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
            required("policyText", POLICY_TEXT),
            optional("force", Shape::Boolean),
        ],
        run: Handler::Blocking(repository_policy::set),
    },
    Operation {
        name: "ListTagsForResource",
        on: Resource::Repository,
        input: &[required("resourceArn", ARN)],
        run: Handler::Blocking(resource_tags::list),
    },
    Operation {
        name: "TagResource",
        on: Resource::Repository,
        input: &[
            required("resourceArn", ARN),
            required("tags", resource_tags::RESOURCE_TAGS),
        ],
        run: Handler::Blocking(resource_tags::tag),
    },
    Operation {
        name: "UntagResource",
        on: Resource::Repository,
        input: &[
            required("resourceArn", ARN),
            required("tagKeys", Shape::list(&Shape::ANY_TEXT, 0, 200)),
        ],
        run: Handler::Blocking(resource_tags::untag),
    },
];

const ARN: Shape = Shape::text(1, 2048);
