"""`python -m formreader` is the same program as `formreader`."""

from formreader.cli.main import main

if __name__ == "__main__":
    main()
