"""Signs with TcEx's HmacAuth. ../src/peers.rs describes input and output."""

import sys
import time

import requests
from tcex.input.field_type.sensitive import Sensitive
from tcex.requests_tc.auth.hmac_auth import HmacAuth

auth = HmacAuth(sys.argv[1], Sensitive(sys.argv[2]))
for line in sys.stdin:
    uri, count = line.split()
    request = requests.Request("GET", "https://company.example" + uri).prepare()
    start = time.perf_counter_ns()
    for _ in range(int(count)):
        auth(request)
    taken = time.perf_counter_ns() - start
    print(taken, request.headers["Authorization"], request.headers["Timestamp"], sep="\t", flush=True)
