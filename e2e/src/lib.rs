//! Scenarios across real processes, on the embedded cluster and on a real Mesos.
