CREATE TABLE messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, expires REAL NOT NULL, text TEXT NOT NULL);
INSERT INTO messages VALUES (1, 'm-1', 'bus', 4000000000.0, '{"msg_type": "bus", "payload": {"type": "recognizer_loop:utterance", "data": {"utterances": ["kept"]}, "context": {}}, "metadata": {}, "route": [], "node": null, "target_site_id": null, "target_pubkey": null, "source_peer": null}');
PRAGMA user_version = 1;
