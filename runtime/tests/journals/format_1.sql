PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('format',1);
CREATE TABLE runs (
  id TEXT PRIMARY KEY, program TEXT NOT NULL, name TEXT NOT NULL, cascade TEXT NOT NULL,
  inputs TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
  result TEXT, error TEXT, pid INTEGER, tokens INTEGER NOT NULL DEFAULT 0, cost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO runs VALUES('2n7h9qcngnm','8202db329286e6902e0c777ea1de050069f2e2b0252d92884bdad28460a94ad4','flow.cascade','main','{"token":"[secret]"}','failed',1795588280761,1795588280838,NULL,'{"kind":"command_failed","message":"exit code 1","stage":"main/checked","attempts":1,"place":{"file":1,"line":25,"column":7},"causes":[]}',NULL,30,210);
CREATE TABLE effects (
  run TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL, skill TEXT NOT NULL, model TEXT, once INTEGER NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, status TEXT NOT NULL,
  request TEXT NOT NULL, answer TEXT, artifact TEXT, error TEXT,
  tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0, cost INTEGER,
  idempotency TEXT NOT NULL, PRIMARY KEY (run, path, attempt)
);
INSERT INTO effects VALUES('2n7h9qcngnm','main/noted',1,'d177612e890217e2a4ed362d6faac4519ae3f3b04e1639065cbe2c0756c33c96','run','note',NULL,0,1795588280761,1795588280765,'done','{"argv":["/bin/sh","-c","echo \"${1}\" >> log; echo noted \"${2}\"","sh","one","ONE"],"cwd":null,"env":{"TOKEN":"[secret]","CASCADE_IDEMPOTENCY_KEY":"1a76b2bb0cfef5edb0d28928c7337336"},"stdin":null}','{"code":0,"signal":null,"stdout":"noted ONE\n","stderr":""}',NULL,NULL,0,0,NULL,'1a76b2bb0cfef5edb0d28928c7337336');
INSERT INTO effects VALUES('2n7h9qcngnm','main/rated',1,'7db10fc73367a747d9b5e6a7d59eb5d1b364d8711c3df57b0ad7f0de963977e7','prompt','rate','m',0,1795588280766,1795588280828,'done','{"system":null,"prompt":"Rate noted ONE.","attachments":[],"schema":{"type":"object","properties":{"file":{"type":"string"},"score":{"type":"integer"}},"required":["file","score"],"additionalProperties":false},"temperature":null,"max_tokens":null}','{"text":"{\"file\":\"a.txt\",\"score\":7}"}',NULL,NULL,10,20,NULL,'d78bbb48582a0550bfdf1f97c6d08f14');
INSERT INTO effects VALUES('2n7h9qcngnm','main/checked',1,'47d596dc7f3008632760c2d7e2cc09172f1927b750f988c16a4975871bb1f7e8','run','check',NULL,0,1795588280832,1795588280837,'done','{"argv":["/bin/sh","-c","echo \"${1}\" >> log; test -e ready && echo ready","sh","a.txt"],"cwd":null,"env":{"CASCADE_IDEMPOTENCY_KEY":"7d0adb40d0d2206e111000b11ae7686d"},"stdin":null}','{"code":1,"signal":null,"stdout":"","stderr":""}',NULL,NULL,0,0,NULL,'7d0adb40d0d2206e111000b11ae7686d');
CREATE TABLE events (
  run TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
COMMIT;
