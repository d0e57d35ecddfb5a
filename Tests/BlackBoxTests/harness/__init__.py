"""What the black-box tests share: the service as a process, raw sockets, forged tokens and the record of answers."""
