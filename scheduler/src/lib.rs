//! Assigns the images of a list to Mesos tasks and follows every task to its end.
