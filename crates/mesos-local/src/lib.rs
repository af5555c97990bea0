//! An embedded Mesos master and agents behind the v1 HTTP API, on loopback.
