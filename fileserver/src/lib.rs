//! Serves the executor and the samples, takes the results and shows them.
