-- A write merges parts of the search index half as often.

insert into search_index (search_index, rank) values ('automerge', 16);
