FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

WORKDIR /srv/lockence
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt

COPY . .
# Collecting needs settings but no real secrets: those of development, gone with this step.
RUN STATIC_ROOT=/srv/static DEVELOPMENT=1 python manage.py collectstatic --no-input \
    && rm -rf var

RUN useradd --system lockence
USER lockence

ENV STATIC_ROOT=/srv/static BIND=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
CMD ["gunicorn", "--config", "ops/gunicorn.conf.py", "lockence.wsgi"]
