"""Apache Spark for conformance tests: a Connect server from an environment of its own.

The client package `pyspark-client` and the server package `pyspark` both provide `pyspark`, so the server lives in
`.venv-spark` (made by `make spark`). Without it, or without Java, the tests that need it are skipped with the reason;
where `CI` is set they fail instead.

All processes of a test run share one server (:func:`shared`). Run as a program, this module keeps a server up for as
long as another process lives: ``python spark_server.py FOLDER PROCESS`` prints the server's address.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = Path(os.environ.get("VERTEBRA_SPARK_ENV", ROOT / ".venv-spark"))


FOR_SMALL_PLANS = {
    # Compiling a plan over ten rows takes longer than running it. Without its second compiler, Java reserves little room
    # for compiled code, and compiles the same methods over and over. The classes are of the server, so none is verified;
    # a process is started for the permissions of each file.
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC -Xmn1g"
        " -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote -Djdk.lang.Process.launchMechanism=VFORK"
    ),
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # each aggregation, sort and broadcast join takes a page of memory, by default of up to 64 MB
    "spark.buffer.pageSize": "1m",
    "spark.sql.parquet.columnarReaderBatchSize": "256",
    "spark.broadcast.compress": "false",
    "spark.shuffle.compress": "false",
    # no session adds classes; nobody looks at the plans, the jobs, and what is logged of them
    "spark.log.level": "WARN",
    "spark.sql.maxPlanStringLength": "0",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.sql.artifact.isolation.enabled": "false",
    "spark.ui.liveUpdate.period": "-1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.retainedTasks": "1",
}
WITHOUT_DEFAULTS = ("core", "hdfs", "mapred", "yarn")
"""Files of a thousand defaults of Hadoop, which Spark sends to each task; those that it needs are in its code, too."""


def unavailable() -> str | None:
    """Why Apache Spark cannot be started here, or None when it can."""
    reason = None
    if shutil.which("java") is None:
        reason = "Apache Spark needs Java 17 or newer: there is no `java` on the PATH"
    elif not _home().is_dir():
        reason = "Apache Spark is not installed: make spark"
    if reason and os.environ.get("CI"):
        raise RuntimeError(f"conformance on Apache Spark is required in CI, but {reason}")
    return reason


def _home() -> Path:
    found = sorted(ENVIRONMENT.glob("lib/python3.*/site-packages/pyspark"))
    return found[0] if found else ENVIRONMENT / "pyspark"


class SparkServer:
    """A Spark Connect server on loopback, for the life of a `with` block."""

    def __init__(
        self, folder: Path, cores: int = 2, memory: str = "3g", settings: Mapping[str, str] = FOR_SMALL_PLANS
    ) -> None:
        self._folder = folder
        self._cores = cores
        self._memory = memory
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        home = _home()
        log = (self._folder / "spark.log").open("wb")
        configuration = self._folder / "conf"
        configuration.mkdir()
        if self._settings:
            for name in WITHOUT_DEFAULTS:
                (configuration / f"{name}-default.xml").write_text("<configuration/>", "ascii")
        self._process = subprocess.Popen(
            [
                str(home / "bin" / "spark-submit"),
                *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
                *("--master", f"local[{self._cores}]", "--driver-memory", self._memory),
                *_conf("spark.connect.grpc.binding.port", str(port)),
                *_conf("spark.connect.grpc.binding.address", "127.0.0.1"),
                *_conf("spark.driver.host", "127.0.0.1"),
                *_conf("spark.driver.bindAddress", "127.0.0.1"),
                *(option for key, value in self._settings.items() for option in _conf(key, value)),
                *_conf("spark.ui.enabled", "false"),
                *_conf("spark.sql.shuffle.partitions", str(self._cores)),
                *_conf("spark.sql.warehouse.dir", str(self._folder / "warehouse")),
                *_conf("spark.local.dir", str(self._folder / "local")),
            ],
            env=os.environ
            | {
                "SPARK_HOME": str(home),
                "SPARK_CONF_DIR": str(configuration),
                "PYSPARK_PYTHON": sys.executable,
                "TZ": "UTC",
            },
            cwd=self._folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self._wait(port)
        return f"sc://127.0.0.1:{port}"

    def _wait(self, port: int, seconds: float = 90) -> None:
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.2)
        tail = (self._folder / "spark.log").read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"Apache Spark did not start:\n{tail}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """A server must not outlive tests that are killed: on Linux the kernel ends it with them."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _conf(key: str, value: str) -> tuple[str, str]:
    return ("--conf", f"{key}={value}")


def shared(folder: Path, process: int) -> str:
    """The address of the one server of a test run, started if it is not up yet.

    Args:
        folder: a folder that all processes of the run share.
        process: the process that ends last, which is the one that distributes the tests; the server ends with it.
    """
    file = folder / "address"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not file.exists():
            keeper = subprocess.Popen(
                [sys.executable, __file__, str(folder), str(process)],
                stdout=subprocess.PIPE, text=True, start_new_session=True,
            )  # fmt: skip
            assert keeper.stdout is not None
            address = keeper.stdout.readline().strip()
            if not address:
                raise RuntimeError(f"Apache Spark did not start, see {folder / 'spark.log'}")
            file.write_text(address, "ascii")
    return file.read_text("ascii")


def _until_ended(process: int) -> None:
    if hasattr(os, "pidfd_open"):
        try:
            select.select([os.pidfd_open(process)], [], [])
        except ProcessLookupError:
            return
    while _exists(process):
        time.sleep(1)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    with SparkServer(Path(sys.argv[1])) as at:
        sys.stdout.write(f"{at}\n")
        sys.stdout.flush()
        _until_ended(int(sys.argv[2]))
