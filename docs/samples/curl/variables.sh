curl --silent --show-error --max-time 10 'https://lockence.example/api/v1/variables' \
  --header 'Content-Type: application/json' \
  --data '{
    "api_key": "lck_pk_YOUR_API_KEY",
    "session_token": "00000000-0000-4000-8000-000000000000"
  }'
