-- What the platform knows. One file a sandbox; open it with `sqlite3` while it runs.
create table device (
    device_key integer primary key,
    swarm_key integer not null,
    serial_number text not null unique,
    secret text not null,
    device_name text not null,
    swarm_name text not null,
    ownername text not null,
    cred_key text not null,
    owner_account integer not null default 501
);
create table wanted_app (                -- rows of get_requested_app_states
    device_key integer not null,
    app_key integer not null,
    stage text not null,
    row text not null,
    primary key (device_key, app_key, stage)
);
create table app_report (                -- state reports, in order of arrival
    id integer primary key,
    at real not null,
    device_key integer not null,
    app_key integer not null,
    stage text not null,
    state text not null,
    payload text not null
);
create table app_port (                  -- what the agent wants kept about an app's ports
    device_key integer not null,
    app_key integer not null,
    stage text not null,
    ports text not null,
    primary key (device_key, app_key, stage)
);
create table device_status (             -- statuses, testaments included, in order of arrival
    id integer primary key,
    at real not null,
    device_key integer not null,
    status text not null,
    session_id integer not null,
    payload text not null
);
create table architecture (
    device_key integer primary key,
    payload text not null
);
create table privilege (                 -- device_key 0 stands for every device
    account integer not null,
    device_key integer not null,
    name text not null,
    primary key (account, device_key, name)
);
create table tunnel_port (
    port integer not null,
    protocol text not null,
    device_key integer not null,
    primary key (port, protocol)
);
create table call (                      -- every call that arrived, answered or not
    id integer primary key,
    at real not null,
    procedure text not null,
    caller text not null,
    args text not null,
    kwargs text not null
);
