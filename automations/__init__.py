"""The language of automations: what starts one, who goes through, what happens, and an engine that decides.

Pure: standard library only, no I/O, no clock, nothing of the application. `catalogue.as_json` describes all of it;
forms, validation, API and documentation are drawn from that.
"""
