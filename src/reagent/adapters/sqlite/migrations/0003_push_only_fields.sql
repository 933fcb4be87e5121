-- What only a push brings and a re-driven request needs again: a rotated credential must not fall
-- back to epoch 1 (docs/contract/apps.md Q-2). Nullable, because older agents do not know them.

ALTER TABLE RequestedAppStates ADD COLUMN app_cred_epoch INTEGER;
ALTER TABLE RequestedAppStates ADD COLUMN instance_key INTEGER;
