//! Credentials that do not last as long as a run.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::dataset::Dataset;
use crate::support::env::Env;
use crate::support::fake_s3::{FakeS3, Fault};

use super::logs::{Logs, numbers};

const SYNC: [&str; 3] = ["sync", "s3://logs/in", "s3://lake/set"];

/// A process that gives session tokens `session-1`, `session-2` and so on, which last only seconds, so
/// that the client asks for new ones before each request.
fn with_process(env: &mut Env, fake: &FakeS3) {
    let script = format!(
        "#!/bin/sh\ncd {folder}\necho x >>asked\nn=$(wc -l <asked | tr -d ' ')\n\
         end=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         echo '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\"SessionToken\":\"session-'$n'\",\"Expiration\":\"'$end'\"}}'\n",
        folder = env.arg("home"),
        id = fake.access_key(),
        secret = fake.secret_key(),
    );
    let program = env.path("home/give");
    std::fs::write(&program, script).expect("a file");
    let runnable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, runnable).expect("a file of ours");
    let config = format!("[default]\ncredential_process = {}\n", program.display());
    std::fs::write(env.path("home/config"), config).expect("a file");
    let config = env.path("home/config");
    env.set("AWS_CONFIG_FILE", config);
    env.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    env.set("AWS_ENDPOINT_URL", fake.endpoint());
    env.set("AWS_REGION", "us-east-1");
}

/// In the middle of a run all credentials that it has had expire; the chain gets new ones.
#[test]
fn a_run_outlives_its_credentials() {
    let logs = Logs::new(12);
    let fake = logs.served();
    let mut env = Env::new();
    with_process(&mut env, &fake);
    let slow = format!("in/{}", logs.keys()[5]);
    let wait = Fault::Delay(Duration::from_secs(2));
    fake.fault("GetObject", &slow, 1, wait);
    // One at a time, so that no other request is under way with what expires.
    let run = env.start(SYNC.iter().chain(&["--jobs", "1"]));
    fake.wait_for("GetObject", &slow, 1);
    let asked = || {
        let asked = std::fs::read_to_string(env.path("home/asked"));
        asked.map_or(0, |text| text.lines().count())
    };
    let so_far = asked();
    for number in 1..=so_far {
        fake.expire_session(&format!("session-{number}"));
    }
    run.wait()
        .code(0)
        .stdout_contains("12 objects listed, 12 new, 12 done");
    assert!(so_far > 0 && asked() > so_far, "{so_far}");
    let dataset = Dataset::in_bucket(&fake, "lake", "set/");
    assert_eq!(numbers(&dataset), logs.numbers());
}
