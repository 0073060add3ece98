"""The agent of one host: it starts cells, and a cell runs workers.

`agent.cli` and `agent.supervisor` run in the agent process, which holds no user code; `agent.cell`
and what it imports run in the cells.
"""
