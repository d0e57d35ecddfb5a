"""A client of the API: it logs in, sends the access token, refreshes it when the API rejects it, and logs out."""

import os

import httpx


class Session(httpx.Auth):
    """One login. Give it to httpx as `auth`; use one session per thread."""

    requires_response_body = True

    def __init__(self, auth_url: str, username: str, password: str):
        self.auth_url = auth_url
        answer = httpx.post(f"{auth_url}/login", json={"username": username, "password": password}, timeout=10)
        self.tokens = answer.raise_for_status().json()

    def auth_flow(self, request: httpx.Request):
        request.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        answer = yield request
        if answer.status_code == 401:
            # A refresh token works once: keep the new one before anything else happens.
            refreshed = yield httpx.Request(
                "POST", f"{self.auth_url}/refresh", json={"refresh_token": self.tokens["refresh_token"]}
            )
            if refreshed.status_code == 200:
                self.tokens = refreshed.json()
                request.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
                yield request

    def log_out(self) -> None:
        form = {"refresh_token": self.tokens["refresh_token"]}
        httpx.post(f"{self.auth_url}/logout", json=form, timeout=10).raise_for_status()


if __name__ == "__main__":
    session = Session(os.environ["AUTH_URL"], os.environ["NAME"], os.environ["PASSWORD"])
    with httpx.Client(base_url=os.environ["API_URL"], auth=session) as api:
        print(api.get("/notes").raise_for_status().json()["owner"])
    session.log_out()
