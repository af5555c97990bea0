//! Bytes and operations in, bytes out: pictures without network and without Mesos.
