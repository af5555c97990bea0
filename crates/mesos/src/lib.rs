//! Everything needed to write an Apache Mesos framework on the v1 HTTP API.
