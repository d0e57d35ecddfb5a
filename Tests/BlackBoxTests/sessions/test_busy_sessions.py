"""Many sessions at once on two event loops: what a build with ThreadSanitizer needs to see, in a second of a usual build."""

import threading

from harness.server import Session

CLIENTS, ROUNDS = 8, 12


def test_sessions_that_rotate_verify_and_end_at_once_disturb_nobody(make_server):
    server = make_server(alg="HS256", refresh_grace="0s", threads="2").start()
    # The passwords are not what this is about, and each takes its time to hash.
    starts = [server.login() for _ in range(CLIENTS)]
    gate, faults = threading.Barrier(CLIENTS), []

    def live(session):
        with server.client() as http:
            gate.wait()
            for _ in range(ROUNDS):
                before = session
                answer = http.post("/refresh", data={"refresh_token": session.refresh})
                if answer.status_code != 200 or answer.headers["refresh-outcome"] != "rotated":
                    return faults.append(answer.text)
                session = Session(answer.json())
                ended = http.post("/revoke", data={"token": before.access})
                checks = [http.get("/verify", headers={"Authorization": f"Bearer {token}"}).status_code
                          for token in (before.access, session.access)]  # fmt: skip
                if (ended.status_code, checks) != (200, [401, 200]):
                    return faults.append(f"{ended.status_code} {checks}")
            if http.post("/revoke", data={"token": session.refresh}).status_code != 200:
                return faults.append("the session did not end")
            if http.post("/refresh", data={"refresh_token": session.refresh}).status_code != 401:
                faults.append("an ended session goes on")

    threads = [threading.Thread(target=live, args=(session,)) for session in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults and not any(thread.is_alive() for thread in threads)
    assert len(server.events("refresh_rotated")) == CLIENTS * ROUNDS
