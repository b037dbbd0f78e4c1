"""Runs inside the image: the server starts, becomes ready, and refuses requests without keys."""

import subprocess
import time
import urllib.error
import urllib.request

server = subprocess.Popen(["minio", "server", "--quiet", "/tmp/data"])
try:
    deadline = time.monotonic() + 30
    while subprocess.run(["mcli", "ready", "local"], check=False, capture_output=True).returncode != 0:
        assert server.poll() is None, "the server has exited"
        assert time.monotonic() < deadline, "the server is not ready after 30 s"
        time.sleep(0.2)
    try:
        urllib.request.urlopen("http://127.0.0.1:9000/", timeout=5)
        status = 200
    except urllib.error.HTTPError as error:
        status = error.code
    assert status == 403, f"a request without keys got {status}"
finally:
    server.terminate()
    server.wait(timeout=20)
print("ok")
