"""The program that Hadoop's nodes run; see `rumbo.integrations.mrrunner`."""

from rumbo.integrations.mrrunner import Runner, main, print_exception

__all__ = ["Runner", "main", "print_exception"]

if __name__ == "__main__":
    main()
