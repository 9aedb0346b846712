use crate::support::{Bench, engines, folder, request};

#[tokio::test]
async fn explore() {
    for engine in engines() {
        if !engine.is_containerd() {
            continue;
        }
        for dockerfile in [
            "FROM busybox\nCOPY a /a\nRUN cat /a; echo err >&2\n",
            "FROM busybox\nRUN echo hello; exit 7\n",
            "FROM busybox\nRUN /nothing\n",
            "FROM busybox\nRUN [\"/nothing\"]\n",
            "FROM busybox\nCOPY missing /\n",
            "FROM busybox\nCOPY mis*ing /\n",
            "FROM busybox\nFOO bar\n",
            "",
            "FROM nothere.invalid/x:1\n",
            "FROM 127.0.0.1:1/x:1\n",
            "FROM busybox:nope\n",
            "FROM busybox\nRUN --mount=type=secret,id=tok,required cat /run/secrets/tok\n",
            "FROM busybox\nCOPY --from=nostage /a /b\n",
            "FROM busybox\nRUN head -c 200m /dev/zero > /dev/full\n",
            "FROM --platform=linux/arm64 busybox\nRUN echo hi\n",
            "# syntax=127.0.0.1:1/df:1\nFROM busybox\n",
            "FROM $X\n",
        ] {
            let context = folder(&[("Dockerfile", dockerfile), ("a", "content a\n")]);
            let bench = Bench::in_workspace(&engine, context.path().to_owned()).await;
            let result = bench.publish(&request(context.path())).await;
            eprintln!("#### {} {dockerfile:?}\n{result:?}", engine.name);
            let log = bench.heard.log();
            for step in &log.steps {
                eprintln!(
                    "   {:?} {:?} {:?}",
                    step.name,
                    String::from_utf8_lossy(&step.output),
                    step.outcome
                );
            }
            eprintln!(
                "   {:?} {:?} {:?} {:?}",
                log.warnings, log.notes, log.retries, log.moved
            );
        }
    }
}
