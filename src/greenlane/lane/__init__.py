"""Inside the lane: run tests under the contract and write the journal. It decides nothing."""
