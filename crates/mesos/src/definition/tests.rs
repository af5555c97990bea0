use super::*;
use crate::v1::discovery_info::Visibility;
use crate::v1::offer::operation;
use crate::v1::{Attribute, health_check, network_info, value, volume};
use serde_json::{Value, json};

/// Everything that can be written.
fn full() -> Value {
    json!({ "tasks": [{
        "name": "web",
        "instances": 3,
        "resources": {
            "cpu": 0.5, "mem": 64, "ports": 2, "role": "*",
            "disk": {
                "size": 100,
                "persistence": { "id": "files", "principle": "us" },
                "volume": { "container_path": "data", "mode": "RW" },
                "source": { "type": "MOUNT", "mount": "/mnt/a" }
            }
        },
        "command": {
            "cmd": "serve",
            "arguments": ["--port", "80"],
            "uris": [
                { "uri": "http://h/a.tgz" },
                { "uri": "http://h/b.tgz", "extract": false },
                { "uri": "/opt/serve", "execute": true, "cache": true, "output_file": "bin/serve" }
            ],
            "environment": { "LEVEL": "3" },
            "user": "nobody"
        },
        "container": {
            "type": "MESOS",
            "image": "registry:5000/web",
            "tag": "1.2",
            "network": [{
                "name": "blue", "group": ["g"], "labels": { "a": "b" },
                "ipaddress": [{ "ip": "10.0.0.7" }, { "protocol": "IPv6" }],
                "port_mapping": [{ "host_port": 31000, "container_port": 80, "protocol": "tcp" }]
            }],
            "volume": [
                { "container_path": "/etc/x", "host_path": "/etc/y", "mode": "RO" },
                { "container_path": "/d", "source": {
                    "type": "DOCKER_VOLUME",
                    "docker_volume": { "driver": "rexray", "name": "v", "driver_opts": { "size": "9" } }
                } }
            ]
        },
        "healthcheck": {
            "delay": 1, "interval": "2secs", "timeout": 0.5, "fails": 4, "graceperiod": 5,
            "type": "HTTP", "http": { "scheme": "https", "port": 65535, "path": "/up", "statuses": [200, 204] }
        },
        "labels": { "team": "blue" },
        "filters": [{ "name": "rack", "type": "TEXT", "value": ["a", "b"] }],
        "retry": { "time": "2", "exp_backoff": false, "max_time": "1mins", "total_retries": 4, "restart": "on_failure" },
        "strategy": { "type": "UNIQUE", "effort": "best" }
    }] })
}

fn parsed(value: &Value) -> Result<Definition, DefinitionError> {
    Definition::from_json(&value.to_string())
}

fn task(more: Value) -> TaskDefinition {
    let mut value = json!({
        "name": "t",
        "resources": { "cpus": 0.5, "mem": 32 },
        "command": { "cmd": "true" },
    });
    merge(&mut value, more);
    parsed(&json!({ "tasks": [value] })).unwrap().tasks.remove(0)
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// The example with `path` set to `to`; the last part is added if it is not there.
fn spoiled(path: &str, to: Value) -> Value {
    let mut all = full();
    let (parent, last) = path.rsplit_once('/').unwrap();
    let parent = all.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match last.parse::<usize>() {
        Ok(index) if parent.is_array() => {
            let list = parent.as_array_mut().unwrap();
            list.resize(list.len().max(index + 1), Value::Null);
            list[index] = to;
        }
        _ => {
            parent.as_object_mut().unwrap().insert(last.to_owned(), to);
        }
    }
    all
}

/// As serde names paths: `tasks[0].name`.
fn dotted(path: &str) -> String {
    let part = |part: &str| match part.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{part}"),
    };
    let all: String = path.split('/').skip(1).map(part).collect();
    all.trim_start_matches('.').to_owned()
}

fn bundle(text: &str) -> crate::resources::Resources {
    text.parse().unwrap()
}

#[test]
fn everything_that_is_written_is_in_the_task() {
    let web = parsed(&full()).unwrap().tasks.remove(0);
    let offered = bundle("cpus:4;mem:512;ports:[31000-31009]").to_wire();
    let mut mount = bundle("disk(web):300").to_wire().remove(0);
    mount.disk = Some(crate::v1::resource::DiskInfo {
        source: Some(crate::v1::resource::disk_info::Source {
            r#type: crate::v1::resource::disk_info::source::Type::Mount.into(),
            mount: Some(crate::v1::resource::disk_info::source::Mount {
                root: Some("/mnt/a".into()),
            }),
            ..Default::default()
        }),
        ..Default::default()
    });
    let all: crate::resources::Resources = offered.iter().chain([&mount]).collect();
    let placed = web.place(&"agent".into(), &all, 2, 7).unwrap();

    let task = placed.task;
    assert_eq!((task.name.as_str(), task.task_id.value.as_str()), ("web", "web.2.7"));
    assert_eq!(task.agent_id.value, "agent");
    assert_eq!(placed.left, bundle("cpus:3.5;mem:448;ports:[31002-31009]"));
    let volume = &placed.before[0].create.as_ref().unwrap().volumes[0];
    assert_eq!(placed.before[0].r#type(), operation::Type::Create);
    assert_eq!(task.resources.last(), Some(volume));
    let disk = volume.disk.as_ref().unwrap();
    let persistence = disk.persistence.as_ref().unwrap();
    assert_eq!((persistence.id.as_str(), persistence.principal()), ("files.2", "us"));
    assert_eq!(disk.volume.as_ref().unwrap().container_path, "data");
    assert_eq!(volume.scalar.unwrap().value, 300.0, "a mount is used as a whole");

    let command = task.command.unwrap();
    assert_eq!((command.shell(), command.value(), command.user()), (false, "serve", "nobody"));
    assert_eq!(command.arguments, ["serve", "--port", "80"]);
    let variables = command.environment.unwrap().variables;
    let variables: Vec<_> = variables.iter().map(|v| (v.name.as_str(), v.value())).collect();
    assert_eq!(
        variables,
        [("PORT", "31000"), ("PORT0", "31000"), ("PORT1", "31001"), ("LEVEL", "3")]
    );
    let flags: Vec<_> =
        command.uris.iter().map(|uri| (uri.extract(), uri.executable(), uri.cache())).collect();
    assert_eq!(flags, [(true, false, false), (false, false, false), (false, true, true)]);
    assert_eq!(command.uris[2].output_file(), "bin/serve");

    let container = task.container.unwrap();
    let image = container.mesos.unwrap().image.unwrap();
    assert_eq!(image.docker.unwrap().name, "registry:5000/web:1.2");
    let network = &container.network_infos[0];
    assert_eq!((network.name(), network.groups.as_slice()), ("blue", ["g".to_owned()].as_slice()));
    assert_eq!(network.labels.as_ref().unwrap().value("a"), Some("b"));
    let protocols: Vec<_> =
        network.ip_addresses.iter().map(network_info::IpAddress::protocol).collect();
    assert_eq!(protocols, [network_info::Protocol::IPv4, network_info::Protocol::IPv6]);
    assert_eq!(network.port_mappings[0].container_port, 80);
    assert_eq!(container.volumes[0].mode(), volume::Mode::Ro);
    let source = container.volumes[1].source.clone().unwrap();
    let docker = source.docker_volume.unwrap();
    assert_eq!((docker.driver(), docker.name.as_str()), ("rexray", "v"));
    assert_eq!(docker.driver_options.unwrap().parameter[0].key, "size");

    let health = task.health_check.unwrap();
    assert_eq!(health.r#type(), health_check::Type::Http);
    assert_eq!((health.delay_seconds(), health.interval_seconds()), (1.0, 2.0));
    assert_eq!((health.timeout_seconds(), health.grace_period_seconds()), (0.5, 5.0));
    assert_eq!(health.consecutive_failures(), 4);
    let http = health.http.unwrap();
    assert_eq!((http.scheme(), http.port, http.path()), ("https", 65535, "/up"));
    assert_eq!(http.statuses, [200, 204]);
    assert_eq!(task.labels.unwrap().value("team"), Some("blue"));
    let discovery = task.discovery.unwrap();
    assert_eq!((discovery.visibility(), discovery.name()), (Visibility::Cluster, "web"));
    assert_eq!(discovery.ports.unwrap().ports[1].number, 31001);
}

#[test]
fn a_fault_is_named_by_its_path() {
    let task = "/tasks/0";
    let cases: &[(&str, Value)] = &[
        ("name", json!("")),
        ("name", json!("a/b")),
        ("name", json!(7)),
        ("instances", json!(0)),
        ("instances", json!(-1)),
        ("colour", json!("red")),
        ("resources/cpu", json!(0)),
        ("resources/cpu", json!(-1)),
        ("resources/cpu", json!("1")),
        ("resources/cpu", json!(0.0001)),
        ("resources/mem", json!(0)),
        ("resources/gpu", json!(1)),
        ("resources/ports", json!(-1)),
        ("resources/disk/size", json!(0)),
        ("resources/disk/volume", json!(null)),
        ("resources/disk/persistence", json!(null)),
        ("resources/disk/persistence/id", json!("a/b")),
        ("resources/disk/volume/mode", json!("wr")),
        ("resources/disk/volume/container_path", json!("")),
        ("resources/disk/source/type", json!("tape")),
        ("resources/disk/source/path", json!("/p")),
        ("command/cmd", json!(" ")),
        ("command/shell", json!(true)),
        ("command/uris/1/uri", json!("http://h/it's")),
        ("command/uris/1/uri", json!("http://h")),
        ("command/uris/2/extract", json!(true)),
        ("command/uris/2/output_file", json!("../a")),
        ("command/uris/0/mode", json!("x")),
        ("container/type", json!("lxc")),
        ("container/tag", json!(5)),
        ("container/image", json!("")),
        ("container/network/0/ipaddress/0/ip", json!("10.0.0")),
        ("container/network/0/ipaddress/0/protocol", json!("ipv6")),
        ("container/network/0/port_mapping/0/host_port", json!(0)),
        ("container/network/0/port_mapping/0/container_port", json!(65536)),
        ("container/network/0/port_mapping/0/protocol", json!("sctp")),
        ("container/volume/0/mode", json!("rx")),
        ("container/volume/0/source", json!({ "type": "host_path", "host_path": "/a" })),
        ("container/volume/1/source/docker_volume", json!(null)),
        ("container/volume/1/source/host_path", json!("/a")),
        ("container/volume/1/container_path", json!("")),
        ("healthcheck/type", json!("smell")),
        ("healthcheck/http", json!(null)),
        ("healthcheck/tcp", json!({ "port": 1 })),
        ("healthcheck/delay", json!(-1)),
        ("healthcheck/interval", json!("soon")),
        ("healthcheck/fails", json!(0)),
        ("healthcheck/endpoint", json!("/x")),
        ("healthcheck/http/port", json!(0)),
        ("healthcheck/http/path", json!("up")),
        ("healthcheck/http/scheme", json!("gopher")),
        ("healthcheck/http/statuses", json!([20])),
        ("labels/team", json!(1)),
        ("filters/0/value", json!([])),
        ("filters/0/type", json!("regex")),
        ("filters/0/value/1", json!({})),
        ("retry/time", json!("5 parsecs")),
        ("retry/total_retries", json!(-1)),
        ("retry/restart", json!("never")),
        ("retry/jitter", json!(1)),
        ("strategy/type", json!("spread")),
        ("strategy/effort", json!("none")),
    ];
    for (path, to) in cases {
        let pointer = format!("{task}/{path}");
        let error = parsed(&spoiled(&pointer, to.clone())).expect_err(&format!("{path} = {to}"));
        assert_eq!(error.path, dotted(&pointer), "{path} = {to}: {error}");
        assert!(error.message.len() > 5, "{error}");
    }
}

#[test]
fn a_missing_field_and_a_broken_text_are_named_too() {
    let of = |text: &str| Definition::from_json(text).unwrap_err();
    assert_eq!(of("{").path, ".");
    assert_eq!(of(r#"{"tasks":[{"#).path, "tasks[0]");
    assert!(of("").to_string().contains("EOF"));
    assert!(of(r#"{"tasks":[]} x"#).message.contains("trailing"));
    assert_eq!(of(r#"{"tasks":[]}"#).path, "tasks");
    let error = of(r#"{"tasks":[{"name":"a","resources":{"cpus":1},"command":{"cmd":"x"}}]}"#);
    assert_eq!(error.path, "tasks[0].resources");
    assert!(error.message.contains("`mem`"), "{error}");
}

#[test]
fn two_tasks_of_one_name_are_refused() {
    let mut twice = full();
    let task = twice["tasks"][0].clone();
    twice["tasks"].as_array_mut().unwrap().push(task);
    let error = parsed(&twice).unwrap_err();
    assert_eq!(error.to_string(), "tasks[1].name: 'web' is the name of tasks[0] too");
}

#[test]
fn only_one_thing_is_said_of_tags_and_of_docker() {
    let of = |more: Value| {
        let mut all = full();
        all["tasks"][0]["container"] = more;
        parsed(&all)
    };
    assert_eq!(
        of(json!({ "image": "a:1", "tag": "2" })).unwrap_err().path,
        "tasks[0].container.tag"
    );
    assert_eq!(of(json!({ "tag": "2" })).unwrap_err().path, "tasks[0].container.tag");
    assert_eq!(of(json!({ "type": "docker" })).unwrap_err().path, "tasks[0].container.image");
    let docker = of(json!({ "type": "docker", "image": "a", "tag": "2",
        "network": [{ "port_mapping": [{ "host_port": 1, "container_port": 2 }] }] }));
    let message = docker.unwrap().tasks[0].container.as_ref().unwrap().message().docker.unwrap();
    assert_eq!((message.image.as_str(), message.port_mappings[0].host_port), ("a:2", 1));
}

#[test]
fn what_is_left_out_has_its_default() {
    let task = task(json!({}));
    assert_eq!(task.instances.get(), 1);
    assert_eq!(task.retry, Retry::default());
    assert_eq!(task.strategy.kind, StrategyKind::Anywhere);
    assert!(task.admits(&[]));
    let web = parsed(&spoiled("/tasks/0/resources/role", json!("web"))).unwrap();
    assert_eq!(web.framework("f", "u").roles, ["*", "web"]);
    let placed = task.place(&"a".into(), &bundle("cpus:1;mem:64"), 1, 1).unwrap();
    assert_eq!(placed.left, bundle("cpus:0.5;mem:32"));
    let info = placed.task;
    assert!(info.container.is_none() && info.health_check.is_none() && info.labels.is_none());
    assert!(info.discovery.is_none() && info.command.unwrap().environment.is_none());
}

#[test]
fn what_does_not_fit_has_no_place() {
    let mut task = task(json!({ "resources": { "ports": 2, "disk": { "size": 10 } } }));
    let fits = "cpus:0.5;mem:32;disk:10;ports:[1-2]";
    assert!(task.place(&"a".into(), &bundle(fits), 1, 1).unwrap().left.is_empty());
    for less in [
        "cpus:0.4;mem:32;disk:10;ports:[1-2]",
        "cpus:1;mem:31;disk:10;ports:[1-2]",
        "cpus:1;mem:32;disk:9;ports:[1-2]",
        "cpus:1;mem:32;disk:10;ports:[1-1]",
        "",
    ] {
        assert_eq!(task.place(&"a".into(), &bundle(less), 1, 1), None, "{less}");
    }
    task.resources.role = Some("web".into());
    assert_eq!(task.place(&"a".into(), &bundle(fits), 1, 1), None, "nothing is reserved");
    let reserved = "cpus(web):0.5;mem(web):32;disk(web):10;ports(web):[1-2];cpus:7";
    let placed = task.place(&"a".into(), &bundle(reserved), 1, 1).unwrap();
    assert_eq!(placed.left, bundle("cpus:7"));
}

#[test]
fn a_volume_that_is_there_is_used_again() {
    let task = task(json!({ "resources": { "disk": {
        "size": 10, "persistence": { "id": "v" }, "volume": { "container_path": "d", "mode": "ro" }
    } } }));
    let fresh = bundle("cpus:1;mem:64;disk(web):50");
    let first = task.place(&"a".into(), &fresh, 1, 1).unwrap();
    assert_eq!((first.before.len(), first.left.disk_mib().to_f64()), (1, 40.0));
    let volume = first.task.resources.last().unwrap();
    let after: crate::resources::Resources =
        bundle("cpus:1;mem:64;disk(web):40").to_wire().iter().chain([volume]).collect();
    let second = task.place(&"a".into(), &after, 1, 2).unwrap();
    assert_eq!((second.before.len(), second.left.disk_mib().to_f64()), (0, 40.0));
    assert_eq!(second.task.resources.last(), Some(volume));
    assert_eq!(task.place(&"a".into(), &after, 2, 1).unwrap().before.len(), 1, "one for each");
    // A volume can only be made of what is reserved.
    assert_eq!(task.place(&"a".into(), &bundle("cpus:1;mem:64;disk:50"), 1, 1), None);
}

fn attribute(name: &str, text: &str) -> Attribute {
    let mut attribute = Attribute { name: name.into(), ..Attribute::default() };
    match bundle(&format!("x:{text}")).to_wire().first() {
        Some(resource) if !text.starts_with('"') => {
            attribute.r#type = resource.r#type;
            attribute.scalar = resource.scalar;
            attribute.ranges.clone_from(&resource.ranges);
            attribute.set.clone_from(&resource.set);
        }
        _ => unreachable!(),
    }
    attribute
}

fn text(name: &str, value: &str) -> Attribute {
    Attribute {
        name: name.into(),
        r#type: value::Type::Text.into(),
        text: Some(value::Text { value: value.into() }),
        ..Attribute::default()
    }
}

#[test]
fn filters_choose_agents_by_their_attributes() {
    let agent = [
        text("rack", "Blue"),
        text("os", "linux"),
        attribute("level", "10"),
        attribute("vlans", "[5-9,20-20]"),
        attribute("disks", "{ssd,nvme}"),
    ];
    let cases = [
        (json!([]), true),
        (json!([{ "type": "text", "value": ["blue"] }]), true),
        (json!([{ "type": "text", "value": ["red", "BLUE"] }]), true),
        (json!([{ "type": "text", "value": ["red"] }]), false),
        (json!([{ "name": "rack", "type": "text", "value": ["linux"] }]), false),
        (json!([{ "name": "none", "type": "text", "value": ["linux"] }]), false),
        (json!([{ "type": "scalar", "value": [9, "10.0004"] }]), true),
        (json!([{ "type": "scalar", "value": [9] }]), false),
        (json!([{ "type": "ranges", "value": [10, 20] }]), true),
        (json!([{ "type": "ranges", "value": ["7"] }]), true),
        (json!([{ "type": "ranges", "value": [10] }]), false),
        (json!([{ "type": "set", "value": ["hdd", "ssd"] }]), true),
        (json!([{ "type": "set", "value": ["SSD"] }]), false),
        // All must hold, not any.
        (json!([{ "type": "text", "value": ["blue"] }, { "type": "scalar", "value": [9] }]), false),
        (json!([{ "type": "text", "value": ["blue"] }, { "type": "scalar", "value": [10] }]), true),
    ];
    for (filters, wanted) in cases {
        assert_eq!(task(json!({ "filters": filters })).admits(&agent), wanted, "{filters}");
        assert_eq!(task(json!({ "filters": filters })).admits(&[]), filters == json!([]));
    }
    let wrong =
        parsed(&spoiled("/tasks/0/filters/0", json!({ "type": "scalar", "value": [1, "x"] })));
    assert_eq!(wrong.unwrap_err().path, "tasks[0].filters[0].value[1]");
    let wrong = parsed(&spoiled("/tasks/0/filters/0", json!({ "type": "ranges", "value": [1.5] })));
    assert_eq!(wrong.unwrap_err().path, "tasks[0].filters[0].value[0]");
}

#[test]
fn waits_follow_the_policy() {
    let seconds = |retry: &Retry| -> Vec<Option<f64>> {
        (0..6).map(|n| retry.wait(n, 1.0).map(|wait| wait.as_secs_f64())).collect()
    };
    let double = task(json!({ "retry": { "time": 2, "max_time": 10, "total_retries": 4 } })).retry;
    assert_eq!(seconds(&double), [Some(2.0), Some(2.0), Some(4.0), Some(8.0), Some(10.0), None]);
    let flat = task(json!({ "retry": { "time": "500ms", "exp_backoff": false } })).retry;
    assert_eq!(seconds(&flat), [Some(0.5); 6]);
    let never = task(json!({ "retry": { "total_retries": 0 } })).retry;
    assert_eq!((never.wait(0, 1.0).is_some(), never.wait(1, 1.0)), (true, None));
    assert_eq!(flat.wait(1, 0.0), Some(std::time::Duration::from_millis(375)));
    assert_eq!(Retry::default().wait(u32::MAX, 9.0).unwrap().as_secs(), 300);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = Definition::from_json(&text);
    }

    /// Whatever a field is replaced by, the error names it or something in or above it.
    #[test]
    fn errors_name_the_changed_place(which in 0_usize..200, with in 0_usize..6) {
        let mut all = full();
        let mut leaves = Vec::new();
        pointers(&all, "", &mut leaves);
        let path = leaves[which % leaves.len()].clone();
        let values = [json!(null), json!(-1), json!("?"), json!([1]), json!({"q": 1}), json!(true)];
        *all.pointer_mut(&path).unwrap() = values[with].clone();
        if let Err(error) = parsed(&all) {
            let (changed, named) = (dotted(&path), error.path.clone());
            let parent = changed.rsplit_once(['.', '[']).map_or("", |(parent, _)| parent);
            proptest::prop_assert!(
                named.starts_with(parent) || changed.starts_with(&named) || named == ".",
                "{changed} = {}: {error}", values[with]
            );
        }
    }

    #[test]
    fn a_place_loses_nothing(cpus in 1_i64..4000, mem in 1_i64..90_000, ports in 0_u64..6, size in 0_i64..40_000) {
        let task = task(json!({ "resources": { "ports": 2, "disk": { "size": 10 } } }));
        let offered = bundle(&format!(
            "cpus:{};mem:{};disk:{};ports:[100-{}]",
            cpus as f64 / 1e3, mem as f64 / 1e3, size as f64 / 1e3, 100 + ports
        ));
        let fits = cpus >= 500 && mem >= 32_000 && ports >= 1 && size >= 10_000;
        let placed = task.place(&"a".into(), &offered, 1, 1);
        proptest::prop_assert_eq!(placed.is_some(), fits);
        if let Some(placed) = placed {
            let taken = crate::resources::Resources::from(&placed.task.resources);
            proptest::prop_assert_eq!(taken.plus(&placed.left), offered);
        }
    }
}

fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| pointers(value, &format!("{here}/{key}"), all));
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, value)| pointers(value, &format!("{here}/{index}"), all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            all.push(here.to_owned());
        }
    }
}
