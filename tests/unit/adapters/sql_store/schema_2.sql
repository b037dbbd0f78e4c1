-- The schema of version 2, as it was: databases like this one are out there.
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account VARCHAR NOT NULL,
	region VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	folded_name VARCHAR NOT NULL,
	phase VARCHAR NOT NULL,
	created_at_ms BIGINT NOT NULL,
	modified_at_ms BIGINT NOT NULL,
	started_at_ms BIGINT,
	ended_at_ms BIGINT,
	stop_requested_at_ms BIGINT,
	status VARCHAR NOT NULL GENERATED ALWAYS AS (CASE WHEN phase = 'Pending' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'Pending' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'Pulling' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'Pulling' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'StagingIn' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'StagingIn' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'Starting' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'Starting' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'Running' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'Running' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'StagingOut' AND stop_requested_at_ms IS NULL THEN 'InProgress' WHEN phase = 'StagingOut' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'Stopping' AND stop_requested_at_ms IS NULL THEN 'Stopping' WHEN phase = 'Stopping' AND stop_requested_at_ms IS NOT NULL THEN 'Stopping' WHEN phase = 'Completed' AND stop_requested_at_ms IS NULL THEN 'Completed' WHEN phase = 'Completed' AND stop_requested_at_ms IS NOT NULL THEN 'Completed' WHEN phase = 'Failed' AND stop_requested_at_ms IS NULL THEN 'Failed' WHEN phase = 'Failed' AND stop_requested_at_ms IS NOT NULL THEN 'Failed' WHEN phase = 'Stopped' AND stop_requested_at_ms IS NULL THEN 'Stopped' WHEN phase = 'Stopped' AND stop_requested_at_ms IS NOT NULL THEN 'Stopped' END) STORED,
	failure_reason TEXT,
	exit_message TEXT,
	selected_type VARCHAR,
	selected_count INTEGER,
	deleted_at_ms BIGINT,
	CONSTRAINT phase_is_known CHECK (phase IN ('Pending', 'Pulling', 'StagingIn', 'Starting', 'Running', 'StagingOut', 'Stopping', 'Completed', 'Failed', 'Stopped')),
	CONSTRAINT terminal_phase_has_end CHECK (phase NOT IN ('Completed', 'Failed', 'Stopped') OR ended_at_ms IS NOT NULL)
);
CREATE INDEX jobs_by_status_creation ON jobs (account, region, status, created_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_name ON jobs (account, region, name) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_status ON jobs (account, region, status, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_any_name ON jobs (account, region, name, id);
CREATE INDEX jobs_by_status_name ON jobs (account, region, status, name) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_creation ON jobs (account, region, created_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_phase ON jobs (phase, id);
CREATE UNIQUE INDEX jobs_by_folded_name ON jobs (account, region, folded_name) WHERE deleted_at_ms IS NULL;
CREATE TABLE job_requests (
	job_id INTEGER NOT NULL,
	request JSON NOT NULL,
	PRIMARY KEY (job_id),
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
CREATE TABLE job_tags (
	job_id INTEGER NOT NULL,
	"key" VARCHAR NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (job_id, "key"),
	FOREIGN KEY(job_id) REFERENCES jobs (id)
)
 WITHOUT ROWID

;
CREATE TABLE job_events (
	id INTEGER NOT NULL,
	job_id INTEGER NOT NULL,
	at_ms BIGINT NOT NULL,
	action VARCHAR NOT NULL,
	detail JSON NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
CREATE INDEX job_events_by_job ON job_events (job_id, id);
CREATE TABLE instances (
	job_id INTEGER NOT NULL,
	instance_index INTEGER NOT NULL,
	vcpus DOUBLE NOT NULL,
	reserved_vcpus DOUBLE NOT NULL,
	memory_bytes BIGINT NOT NULL,
	gpu_ids JSON NOT NULL,
	volume_bytes BIGINT NOT NULL,
	capped BOOLEAN NOT NULL,
	container_id VARCHAR,
	container_started_at_ms BIGINT,
	cursor_second BIGINT NOT NULL,
	cursor_lines_in_second BIGINT NOT NULL,
	cursor_lines_in_newest BIGINT NOT NULL,
	cursor_next_seq BIGINT NOT NULL,
	exit_code INTEGER,
	exit_out_of_memory BOOLEAN,
	exit_message TEXT,
	failure_kind VARCHAR,
	failure_text TEXT,
	staged_in_objects BIGINT,
	staged_in_bytes BIGINT,
	staged_in_seconds DOUBLE,
	staged_out_objects BIGINT,
	staged_out_bytes BIGINT,
	staged_out_seconds DOUBLE,
	PRIMARY KEY (job_id, instance_index),
	CONSTRAINT instance_index_counts_from_zero CHECK (instance_index >= 0),
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
CREATE TABLE log_chunks (
	job_id INTEGER NOT NULL,
	instance_index INTEGER NOT NULL,
	first_seq BIGINT NOT NULL,
	line_count INTEGER NOT NULL,
	min_at_ms BIGINT NOT NULL,
	max_at_ms BIGINT NOT NULL,
	raw_bytes INTEGER NOT NULL,
	packed BLOB NOT NULL,
	PRIMARY KEY (job_id, instance_index, first_seq),
	FOREIGN KEY(job_id, instance_index) REFERENCES instances (job_id, instance_index)
);
CREATE TABLE usage_samples (
	job_id INTEGER NOT NULL,
	instance_index SMALLINT NOT NULL,
	at_ms BIGINT NOT NULL,
	cpu_percent DOUBLE NOT NULL,
	memory_bytes BIGINT NOT NULL,
	disk_bytes BIGINT NOT NULL,
	gpu_percent DOUBLE,
	gpu_memory_percent DOUBLE,
	PRIMARY KEY (job_id, instance_index, at_ms),
	FOREIGN KEY(job_id, instance_index) REFERENCES instances (job_id, instance_index)
)
 WITHOUT ROWID

;
INSERT INTO schema_version (version) VALUES (2);
