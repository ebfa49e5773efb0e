"""What sits below the papers' choices: batches, the contract, hinge terms, pooling, encoders."""
