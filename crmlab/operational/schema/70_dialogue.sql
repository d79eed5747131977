-- Dialogues: what an agent asks (a call script), or the voice computer (a menu). Steps and branches are data. A dialogue
-- is never changed, so that what was asked in a past call can be read; what is asked from now on is a new version.
CREATE TABLE dialogue (
  dialogue_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  spoken_by TEXT NOT NULL,
  first_step TEXT NOT NULL,
  zero_out_queue TEXT,                              -- where the key 0 leads, and whoever cannot be understood
  most_tries INTEGER NOT NULL DEFAULT 3,            -- invalid answers to one step, before that happens
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT dialogue_name_is_not_empty CHECK (trim(name) <> ''),
  CONSTRAINT spoken_by_an_agent_or_the_computer CHECK (spoken_by IN ('agent', 'computer')),
  CONSTRAINT only_the_computer_has_a_way_out CHECK (zero_out_queue IS NULL OR spoken_by = 'computer'),
  CONSTRAINT most_tries_is_above_0 CHECK (most_tries > 0),
  CONSTRAINT one_dialogue_a_version UNIQUE (name, version),
  FOREIGN KEY (dialogue_id, first_step) REFERENCES dialogue_step (dialogue_id, step) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE dialogue_step (
  dialogue_id INTEGER NOT NULL REFERENCES dialogue,
  step TEXT NOT NULL,
  kind TEXT NOT NULL,                               -- what an answer must be
  prompt TEXT NOT NULL,
  outcome TEXT,                                     -- of an end
  queue TEXT,                                       -- of a transfer
  PRIMARY KEY (dialogue_id, step),
  CONSTRAINT step_kind_is_known CHECK (kind IN ('choice', 'email', 'phone', 'order', 'text', 'end')),
  CONSTRAINT an_end_has_an_outcome CHECK ((kind = 'end') = (outcome IS NOT NULL)),
  CONSTRAINT step_outcome_is_known CHECK (outcome IN ('answered', 'ticket', 'contained', 'transferred')),
  CONSTRAINT a_transfer_has_a_queue CHECK ((outcome IS 'transferred') = (queue IS NOT NULL))
) STRICT;

CREATE TABLE dialogue_branch (
  dialogue_id INTEGER NOT NULL,
  step TEXT NOT NULL,
  answer TEXT NOT NULL,                             -- '*' stands for every valid answer that has no branch of its own
  next_step TEXT NOT NULL,
  PRIMARY KEY (dialogue_id, step, answer),
  FOREIGN KEY (dialogue_id, step) REFERENCES dialogue_step,
  FOREIGN KEY (dialogue_id, next_step) REFERENCES dialogue_step (dialogue_id, step)
) STRICT;

-- One caller's way through a dialogue, and each answer, also those that were no answer to the question.
CREATE TABLE dialogue_run (
  dialogue_run_id INTEGER PRIMARY KEY,
  dialogue_id INTEGER NOT NULL REFERENCES dialogue,
  interaction_id INTEGER NOT NULL REFERENCES interaction,
  step TEXT NOT NULL,                               -- where it stands
  started_at TEXT NOT NULL,
  ended_at TEXT,
  outcome TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT run_times_are_times CHECK (strftime('%Y-%m-%dT%H:%M:%S', started_at, '+0 days') IS started_at
    AND (ended_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', ended_at, '+0 days') IS ended_at)),
  CONSTRAINT a_run_ends_after_its_start CHECK (ended_at IS NULL OR ended_at >= started_at),
  CONSTRAINT a_run_that_ended_has_an_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  CONSTRAINT run_outcome_is_known
    CHECK (outcome IN ('answered', 'ticket', 'contained', 'transferred', 'hung_up', 'stopped')),
  FOREIGN KEY (dialogue_id, step) REFERENCES dialogue_step
) STRICT;
CREATE UNIQUE INDEX ix_dialogue_run_open ON dialogue_run (interaction_id) WHERE ended_at IS NULL;

CREATE TABLE dialogue_answer (
  dialogue_answer_id INTEGER PRIMARY KEY,
  dialogue_run_id INTEGER NOT NULL REFERENCES dialogue_run,
  step TEXT NOT NULL,
  answer TEXT NOT NULL,
  is_valid INTEGER NOT NULL,
  answered_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT is_valid_is_0_or_1 CHECK (is_valid IN (0, 1)),
  CONSTRAINT dialogue_answered_at_is_a_time
    CHECK (strftime('%Y-%m-%dT%H:%M:%S', answered_at, '+0 days') IS answered_at)
) STRICT;
CREATE INDEX ix_dialogue_answer ON dialogue_answer (dialogue_run_id);

CREATE TRIGGER dialogue_stays_u BEFORE UPDATE ON dialogue
BEGIN SELECT RAISE(ABORT, 'a dialogue is never changed: save a new version'); END;
CREATE TRIGGER dialogue_stays_d BEFORE DELETE ON dialogue
BEGIN SELECT RAISE(ABORT, 'a dialogue is never deleted'); END;
CREATE TRIGGER dialogue_step_stays_u BEFORE UPDATE ON dialogue_step
BEGIN SELECT RAISE(ABORT, 'a step of a dialogue is never changed: save a new version'); END;
CREATE TRIGGER dialogue_step_stays_d BEFORE DELETE ON dialogue_step
BEGIN SELECT RAISE(ABORT, 'a step of a dialogue is never deleted'); END;
CREATE TRIGGER dialogue_branch_stays_u BEFORE UPDATE ON dialogue_branch
BEGIN SELECT RAISE(ABORT, 'a branch of a dialogue is never changed: save a new version'); END;
CREATE TRIGGER dialogue_branch_stays_d BEFORE DELETE ON dialogue_branch
BEGIN SELECT RAISE(ABORT, 'a branch of a dialogue is never deleted'); END;
CREATE TRIGGER dialogue_step_is_not_added BEFORE INSERT ON dialogue_step
WHEN EXISTS (SELECT 1 FROM dialogue_run WHERE dialogue_id = NEW.dialogue_id)
BEGIN SELECT RAISE(ABORT, 'a dialogue that was used takes no new step'); END;
CREATE TRIGGER dialogue_branch_is_not_added BEFORE INSERT ON dialogue_branch
WHEN EXISTS (SELECT 1 FROM dialogue_run WHERE dialogue_id = NEW.dialogue_id)
BEGIN SELECT RAISE(ABORT, 'a dialogue that was used takes no new branch'); END;

CREATE TRIGGER run_starts_at_the_first_step BEFORE INSERT ON dialogue_run
WHEN NEW.ended_at IS NOT NULL OR NEW.step IS NOT (SELECT first_step FROM dialogue WHERE dialogue_id = NEW.dialogue_id)
BEGIN SELECT RAISE(ABORT, 'a dialogue starts at its first step'); END;
CREATE TRIGGER run_moves_along_a_branch BEFORE UPDATE OF step, dialogue_id, interaction_id ON dialogue_run
WHEN NEW.dialogue_id <> OLD.dialogue_id OR NEW.interaction_id <> OLD.interaction_id
  OR (NEW.step <> OLD.step AND NOT EXISTS (SELECT 1 FROM dialogue_branch
      WHERE dialogue_id = OLD.dialogue_id AND step = OLD.step AND next_step = NEW.step))
BEGIN SELECT RAISE(ABORT, 'a dialogue moves along its branches'); END;
CREATE TRIGGER run_ends_once BEFORE UPDATE ON dialogue_run WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a dialogue that ended stays as it is'); END;
CREATE TRIGGER run_is_never_deleted BEFORE DELETE ON dialogue_run
BEGIN SELECT RAISE(ABORT, 'a dialogue that was held is never deleted'); END;
-- An answer that comes late, after the step was left, would be taken for an answer to another question.
CREATE TRIGGER answer_to_the_present_step BEFORE INSERT ON dialogue_answer
WHEN NOT EXISTS (SELECT 1 FROM dialogue_run
  WHERE dialogue_run_id = NEW.dialogue_run_id AND step = NEW.step AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'an answer belongs to the step at which the dialogue stands'); END;
CREATE TRIGGER answer_in_order_of_time BEFORE INSERT ON dialogue_answer
WHEN NEW.answered_at < (SELECT max(started_at, ifnull((SELECT max(answered_at) FROM dialogue_answer
    WHERE dialogue_run_id = NEW.dialogue_run_id), '')) FROM dialogue_run WHERE dialogue_run_id = NEW.dialogue_run_id)
BEGIN SELECT RAISE(ABORT, 'an answer comes after the one before it'); END;
CREATE TRIGGER answer_keeps_rows_u BEFORE UPDATE ON dialogue_answer
BEGIN SELECT RAISE(ABORT, 'an answer in a dialogue is never changed'); END;
CREATE TRIGGER answer_keeps_rows_d BEFORE DELETE ON dialogue_answer
BEGIN SELECT RAISE(ABORT, 'an answer in a dialogue is never deleted'); END;
