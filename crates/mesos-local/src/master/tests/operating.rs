//! Reservations and volumes.

use super::*;
use mesos::v1::resource::disk_info::Persistence;
use mesos::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
use mesos::v1::{OperationState, OperationStatus, Resource};

fn reserved(text: &str, role: &str, principal: &str) -> Vec<Resource> {
    let reservation = ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic.into()),
        role: Some(role.into()),
        principal: Some(principal.into()),
        ..ReservationInfo::default()
    };
    bundle(text).reserve(&reservation).unwrap().to_wire()
}

fn volume(id: &str) -> Resource {
    let persistence = Persistence { id: id.into(), principal: None };
    let disk = DiskInfo { persistence: Some(persistence), ..DiskInfo::default() };
    Resource { disk: Some(disk), ..reserved("disk:64", "r", "p").remove(0) }
}

fn operation(id: &str, kind: operation::Type, resources: Vec<Resource>) -> Operation {
    let mut operation = Operation {
        id: (!id.is_empty()).then(|| id.into()),
        r#type: Some(kind.into()),
        ..Operation::default()
    };
    if kind == operation::Type::Reserve {
        operation.reserve = Some(operation::Reserve { resources, ..Default::default() });
    } else if kind == operation::Type::Unreserve {
        operation.unreserve = Some(operation::Unreserve { resources });
    } else if kind == operation::Type::Create {
        operation.create = Some(operation::Create { volumes: resources });
    } else {
        operation.destroy = Some(operation::Destroy { volumes: resources });
    }
    operation
}

#[expect(deprecated, reason = "one role is enough here")]
fn client_of(bench: &mut Bench, role: &str) -> (Client, Vec<Offer>) {
    let refines = framework_info::capability::Type::ReservationRefinement;
    let info = FrameworkInfo {
        role: Some(role.into()),
        principal: Some("p".into()),
        ..capable(&[refines])
    };
    let (client, outputs) = bench.subscribe(info);
    let offers = offers(&client, &outputs);
    (client, offers)
}

fn operate(
    bench: &mut Bench,
    client: &Client,
    offer: &Offer,
    all: Vec<Operation>,
) -> Vec<OperationStatus> {
    let filters = Some(mesos::v1::Filters { refuse_seconds: Some(0.0) });
    let accept = call::Accept { offer_ids: vec![offer.id.clone()], operations: all, filters };
    let call = Call { accept: Some(accept), ..Call::default() };
    statuses(client, &bench.call(client, call::Type::Accept, call))
}

fn statuses(client: &Client, outputs: &[Output]) -> Vec<OperationStatus> {
    let events = events(&client.stream, outputs);
    events.into_iter().filter_map(|e| e.update_operation_status).map(|e| e.status).collect()
}

#[test]
fn what_is_reserved_is_offered_to_its_role_alone_and_survives_the_master() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, first) = client_of(&mut bench, "r");
    let reserve = operation("op", operation::Type::Reserve, reserved("cpus:1", "r", "p"));
    let status = operate(&mut bench, &client, &first[0], vec![reserve]).remove(0);
    assert_eq!(status.state(), OperationState::OperationFinished);
    assert!(status.uuid.is_some() && status.agent_id.is_some());
    bench.handle(Input::StreamClosed(client.stream.clone()));
    let (_, others) = client_of(&mut bench, "other");
    assert_eq!(Resources::from(&others[0].resources), bundle("cpus:1;mem:1024"));
    let view = bench.master.view(&crate::master::View::Agents(None));
    assert_eq!(view["slaves"][0]["reserved_resources"]["r"]["cpus"], 1.0);
    let registry = bench.master.registry();
    assert_eq!(Resources::from(&registry[0].resources).reserved_for("r").cpus().to_f64(), 1.0);
}

#[test]
fn reserving_and_creating_can_be_undone() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024;disk:128"]);
    let (client, first) = client_of(&mut bench, "r");
    let disk = || reserved("disk:64", "r", "p");
    let all = vec![
        operation("a", operation::Type::Reserve, disk()),
        operation("b", operation::Type::Create, vec![volume("v")]),
        operation("c", operation::Type::Create, vec![volume("v")]),
        operation("d", operation::Type::Destroy, vec![volume("v")]),
        operation("e", operation::Type::Unreserve, disk()),
        operation("f", operation::Type::Unreserve, disk()),
    ];
    let states: Vec<_> = operate(&mut bench, &client, &first[0], all)
        .iter()
        .map(|status| status.state() == OperationState::OperationFinished)
        .collect();
    assert_eq!(states, [true, true, false, true, true, false]);
    let again = offers(&client, &bench.pass(Duration::from_secs(1)));
    assert_eq!(Resources::from(&again[0].resources), bundle("cpus:2;mem:1024;disk:128"));
}

#[test]
fn wrong_operations_are_refused_in_the_words_of_a_real_master() {
    let cases = [
        (reserved("cpus:1", "r", "q"), "by authenticated principal 'p', which does not match"),
        (reserved("cpus:1", "x", "p"), "with role 'x', but the resource was allocated to role 'r'"),
        (bundle("cpus:1").to_wire(), "is not dynamically reserved"),
        (reserved("cpus:100", "r", "p"), "does not contain cpus"),
    ];
    for (resources, text) in cases {
        let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
        let (client, first) = client_of(&mut bench, "r");
        let reserve = operation("op", operation::Type::Reserve, resources);
        let status = operate(&mut bench, &client, &first[0], vec![reserve]).remove(0);
        assert_eq!(status.state(), OperationState::OperationError);
        assert!(status.message().contains(text), "{}", status.message());
        assert_eq!(status.uuid, None);
    }
}

#[test]
fn an_operation_is_known_until_it_is_acknowledged() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, first) = client_of(&mut bench, "r");
    let reserve = operation("op", operation::Type::Reserve, reserved("cpus:1", "r", "p"));
    let status = operate(&mut bench, &client, &first[0], vec![reserve]).remove(0);
    let ask = |bench: &mut Bench, agent: Option<&str>| {
        let asked = call::reconcile_operations::Operation {
            operation_id: "op".into(),
            agent_id: agent.map(Into::into),
            resource_provider_id: None,
        };
        let reconcile = call::ReconcileOperations { operations: vec![asked] };
        let call = Call { reconcile_operations: Some(reconcile), ..Call::default() };
        let outputs = bench.call(&client, call::Type::ReconcileOperations, call);
        statuses(&client, &outputs).remove(0)
    };
    let known = ask(&mut bench, None);
    assert_eq!((known.state(), known.uuid), (OperationState::OperationFinished, None));
    let acknowledge = call::AcknowledgeOperationStatus {
        agent_id: Some("S0".into()),
        uuid: status.uuid.unwrap().value,
        operation_id: "op".into(),
        resource_provider_id: None,
    };
    let call = Call { acknowledge_operation_status: Some(acknowledge), ..Call::default() };
    bench.call(&client, call::Type::AcknowledgeOperationStatus, call);
    let unknown = ask(&mut bench, None);
    assert_eq!(unknown.state(), OperationState::OperationUnknown);
    assert!(unknown.message().ends_with("and no 'agent_id' was provided"));
    assert_eq!(ask(&mut bench, Some("S0")).message(), "Reconciliation: Operation is unknown");
}
