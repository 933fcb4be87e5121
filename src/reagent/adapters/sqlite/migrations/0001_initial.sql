-- The tables as every agent before us makes them. They run this again at each of their starts, so
-- nothing in here may ever change (docs/contract/apps.md 7.2, 7.3).

CREATE TABLE IF NOT EXISTS DeviceStates (
    id INTEGER PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    interface_type TEXT NOT NULL CHECK (interface_type IN ('WLAN', 'ETHERNET', 'NONE')),
    device_status TEXT NOT NULL CHECK (device_status IN ('CONNECTED', 'DISCONNECTED')),
    timestamp TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS DeviceStateHistory (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    interface_type TEXT NOT NULL CHECK (interface_type IN ('WLAN', 'ETHERNET', 'NONE')),
    device_status TEXT NOT NULL CHECK (device_status IN ('CONNECTED', 'DISCONNECTED')),
    timestamp TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS RequestedAppStates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_name TEXT NOT NULL,
    app_key INTEGER NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('DEV', 'PROD')),
    version TEXT,
    present_version TEXT,
    newest_version TEXT,
    environment_variables TEXT,
    ports TEXT,
    docker_compose TEXT,
    release_key INTEGER NOT NULL,
    new_release_key INTEGER NOT NULL,
    request_update BOOLEAN NOT NULL CHECK (request_update IN (0, 1)),
    current_state TEXT NOT NULL CHECK (current_state IN (
        'PRESENT', 'REMOVED', 'UNINSTALLED', 'FAILED', 'BUILDING', 'BUILT', 'TRANSFERED',
        'TRANSFERING', 'PUBLISHING', 'PUBLISHED', 'DOWNLOADING', 'STARTING', 'STOPPING',
        'UPDATING', 'DELETING', 'RUNNING', 'INHERIT'
    )),
    manually_requested_state TEXT NOT NULL CHECK (manually_requested_state IN (
        'PRESENT', 'REMOVED', 'UNINSTALLED', 'FAILED', 'BUILDING', 'BUILT', 'TRANSFERED',
        'TRANSFERING', 'PUBLISHING', 'PUBLISHED', 'DOWNLOADING', 'STARTING', 'STOPPING',
        'UPDATING', 'DELETING', 'RUNNING', 'INHERIT'
    )),
    requestor_account_key INTEGER NOT NULL,
    device_owner_account_key INTEGER NOT NULL DEFAULT 0,
    timestamp TEXT NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS requested_app_states_unique
    ON RequestedAppStates (app_name, app_key, stage);

CREATE TABLE IF NOT EXISTS AppStates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_name TEXT NOT NULL,
    app_key INTEGER NOT NULL,
    version TEXT NOT NULL,
    release_key INTEGER NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('DEV', 'PROD')),
    state TEXT NOT NULL CHECK (state IN (
        'PRESENT', 'REMOVED', 'UNINSTALLED', 'FAILED', 'BUILDING', 'BUILT', 'TRANSFERED',
        'TRANSFERING', 'PUBLISHING', 'PUBLISHED', 'DOWNLOADING', 'STARTING', 'STOPPING',
        'UPDATING', 'DELETING', 'RUNNING', 'INHERIT'
    )),
    timestamp TEXT NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS app_states_unique
    ON AppStates (app_name, app_key, stage);

CREATE TABLE IF NOT EXISTS AppStateHistory (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_name TEXT NOT NULL,
    app_key INTEGER NOT NULL,
    release_key INTEGER NOT NULL,
    version TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('DEV', 'PROD')),
    state TEXT NOT NULL CHECK (state IN (
        'PRESENT', 'REMOVED', 'UNINSTALLED', 'FAILED', 'BUILDING', 'BUILT', 'TRANSFERED',
        'TRANSFERING', 'PUBLISHING', 'PUBLISHED', 'DOWNLOADING', 'STARTING', 'STOPPING',
        'UPDATING', 'DELETING', 'RUNNING', 'INHERIT'
    )),
    timestamp TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS LogHistory (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_name TEXT NOT NULL,
    app_key INTEGER NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('DEV', 'PROD')),
    log_type TEXT NOT NULL CHECK (log_type IN ('PULL', 'PUSH', 'BUILD', 'APP')),
    log TEXT NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS log_history_unique
    ON LogHistory (app_name, app_key, stage, log_type);

INSERT OR IGNORE INTO DeviceStates (id, interface_type, device_status, timestamp)
    VALUES (1, 'NONE', 'DISCONNECTED', strftime('%s', 'now'));
