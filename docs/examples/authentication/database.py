"""A server whose users are in a database: python database.py ada secret adds one."""

import hashlib
import hmac
import os
import sqlite3
import sys

from twisted.internet.threads import deferToThread

import txws2

database = sqlite3.connect("users.db", isolation_level=None)
database.execute("create table if not exists users (name primary key, salt, digest)")


def digest_of(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def add(name, password):
    salt = os.urandom(16)
    row = name, salt, digest_of(password, salt)
    database.execute("insert or replace into users values (?, ?, ?)", row)


async def check(name, password):
    rows = database.execute("select salt, digest from users where name = ?", [name])
    salt, digest = rows.fetchone() or (b"", b"")
    return hmac.compare_digest(digest, await deferToThread(digest_of, password, salt))


async def handler(ws):
    await ws.send(f"Hello, {ws.username}!")


if len(sys.argv) == 3:
    add(*sys.argv[1:])
else:
    members = txws2.basic_auth("members", check_credentials=check)
    txws2.run(handler, "localhost", 8000, process_request=members)
