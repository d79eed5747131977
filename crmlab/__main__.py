"""`python -m crmlab` is the command `crmlab`."""

from crmlab.cli import app

if __name__ == "__main__":
    app(prog_name="crmlab")
