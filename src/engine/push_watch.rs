//! Watches the registry while an engine pushes: the engine itself waits for a silent one without end, and does not say
//! whether bytes move.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::limits;
use crate::ports::RegistryError;
use tagship_domain::reference::RegistryHost;

/// How a registry is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushWatch {
    /// How often it is asked whether it is there.
    ping: Duration,
    /// The time that it has to answer, with repetitions.
    pong: Duration,
}

impl PushWatch {
    /// As the table of limits says.
    pub(super) const DEFAULT: Self = Self {
        ping: limits::ENGINE_PUSH_PING,
        pong: limits::ENGINE_PUSH_PONG,
    };

    /// Resolves when the registry is not there while the engine pushes.
    ///
    /// An answer is a sign of life, a refusal too.
    pub(super) async fn lost<T, F>(
        self,
        host: &RegistryHost,
        pushing: &AtomicBool,
        mut ask: impl FnMut() -> F,
    ) -> RegistryError
    where
        F: Future<Output = Result<T, RegistryError>>,
    {
        loop {
            sleep(self.ping).await;
            if !pushing.load(Ordering::Relaxed) {
                continue;
            }
            match timeout(self.pong, ask()).await {
                Ok(Err(error)) if error.is_unavailable() => return error,
                Ok(_) => {}
                Err(_elapsed) => {
                    return RegistryError::Unavailable {
                        host: host.clone(),
                        operation: "pushing out of the engine".into(),
                        message: "it does not answer any more".to_owned(),
                        was_repeated: true,
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const SHORT: PushWatch = PushWatch {
        ping: Duration::from_millis(5),
        pong: Duration::from_millis(20),
    };

    fn host() -> RegistryHost {
        RegistryHost::parse("127.0.0.1:5510").unwrap()
    }

    fn unavailable() -> RegistryError {
        RegistryError::Unavailable {
            host: host(),
            operation: "looking".into(),
            message: "reset".to_owned(),
            was_repeated: true,
        }
    }

    #[tokio::test]
    async fn a_registry_that_is_silent_or_away_is_lost_while_the_engine_pushes() {
        let (host, pushing) = (host(), AtomicBool::new(true));
        let silent = SHORT.lost(&host, &pushing, pending::<Result<(), _>>).await;
        assert!(
            silent.to_string().contains("does not answer any more"),
            "{silent}"
        );
        let away = SHORT.lost(&host, &pushing, async || Err::<(), _>(unavailable()));
        let away = away.await;
        assert!(away.to_string().contains("reset"), "{away}");
    }

    #[tokio::test]
    async fn one_that_answers_is_not_and_before_a_push_it_is_not_asked() {
        let never = Duration::from_millis(100);
        let (host, pushing) = (host(), AtomicBool::new(true));
        let refuses = async || Err::<(), _>(RegistryError::Source("refused".to_owned()));
        let answers = timeout(never, SHORT.lost(&host, &pushing, async || Ok(())));
        assert!(answers.await.is_err());
        assert!(
            timeout(never, SHORT.lost(&host, &pushing, refuses))
                .await
                .is_err()
        );
        let building = AtomicBool::new(false);
        let asked =
            async || -> Result<(), RegistryError> { panic!("a silent step is not the registry's fault") };
        assert!(timeout(never, SHORT.lost(&host, &building, asked)).await.is_err());
    }
}
