curl --silent --show-error --max-time 10 'https://lockence.example/api/v1/offline' \
  --header 'Content-Type: application/json' \
  --data '{
    "api_key": "lck_pk_YOUR_API_KEY",
    "license_key": "XXXXX-XXXXX-XXXXX-XXXXX",
    "request_code": "REQ1-OF-THE-DEVICE"
  }'
