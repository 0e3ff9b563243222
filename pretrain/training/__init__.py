"""How an encoder is trained: loop, step, batches, validation, state, devices."""
