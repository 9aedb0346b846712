//! Opens the state in the data folder, and puts together what stands behind the faces.

use std::sync::Arc;

use crate::access::Access;
use crate::error::LocalError;
use crate::faces::{Addresses, Backend};
use crate::http::Tls;
use crate::options::Options;
use crate::random;
use crate::refusal::Refusal;
use crate::services::oidc::Issuer;
use crate::services::pushes::Pushes;
use crate::state::EmulatorState;
use crate::state::clock::Clock;
use crate::state::data_folder::DataFolder;
use crate::state::faults::Faults;
use crate::state::iam::{AccessKey, Iam, Roles, Seal, key_id};
use crate::state::journal::Journal;
use crate::state::scan_orders::ScanOrders;
use crate::state::store::{Registry, Store, describe};
use crate::state::throttle::Throttle;
use crate::state::uploads::Uploads;

/// What was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) backend: Backend,
    pub(crate) access: Access,
    pub(crate) tls: Option<Tls>,
}

/// Opens the state in the locked folder, and publishes how other processes reach this one. Blocks.
pub(crate) fn open(options: Options, addresses: Addresses, folder: DataFolder) -> Result<Opened, LocalError> {
    let store = Arc::new(Store::open(&options.data)?);
    let iam = open_iam(&options, &store)?;
    let request_token = iam.seal.derive("id token request", "");
    let issuer = Issuer::new(Arc::clone(&store), request_token);
    let tls = addresses
        .secure
        .map(|address| Tls::open(&options.data, address.ip()))
        .transpose()?;
    let authority = tls.as_ref().map(|tls| tls.authority.clone());
    let access = Access::new(&addresses, &iam, &issuer, &options.region, authority)?;
    access.publish(&folder)?;
    let (clock, throttle) = (Clock::default(), Throttle::default());
    throttle.set(options.quotas.clone(), clock.now());
    let state = EmulatorState {
        auth: options.auth,
        quirks: options.quirks,
        clock,
        registry: Registry::new(store, options.account, options.region),
        iam,
        uploads: Uploads::default(),
        faults: Faults::default(),
        throttle,
        quotas: options.quotas,
        scans: ScanOrders::default(),
        journal: Journal::default(),
        _folder: folder,
    };
    let backend = Backend {
        state: Arc::new(state),
        issuer: Arc::new(issuer),
        pushes: Pushes::start(),
        addresses,
    };
    Ok(Opened { backend, access, tls })
}

/// Reads the roles and the keys, which are made at the first start.
fn open_iam(options: &Options, store: &Store) -> Result<Iam, LocalError> {
    let kept = |key: &str, make: &dyn Fn() -> std::io::Result<Vec<u8>>| {
        let failed = |refusal: Refusal| LocalError::Database {
            path: options.data.clone(),
            problem: describe(&refusal),
        };
        if let Some(value) = store.meta(key).map_err(failed)? {
            return Ok(value);
        }
        let value = make().map_err(|_no_random| LocalError::Key)?;
        store.set_meta(key, &value).map_err(failed)?;
        Ok(value)
    };
    let seal = Seal::new(&kept("seal key", &|| {
        random::bytes::<{ Seal::KEY_BYTES }>().map(|bytes| bytes.to_vec())
    })?);
    let key_id = kept("administrator", &|| key_id("AKIA").map(String::into_bytes))?;
    let key_id = String::from_utf8(key_id).map_err(|_not_ours| LocalError::Key)?;
    let partition = options.region.partition();
    Ok(Iam {
        administrator: AccessKey {
            secret: seal.derive("administrator", &key_id),
            id: key_id,
        },
        roles: Roles::load(&options.data, &options.account, partition)?,
        account: options.account.clone(),
        partition,
        seal,
    })
}
