import time


def wait_until(holds, what, seconds=30):
    """The first true value of holds(), asked again and again; fails loudly when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)
