package jira

import "github.com/go-json-experiment/json/jsontext"

// What the tools give, written out: every schema is in the list that models pay for, and those inferred from the types are
// three times as long. Parts that read by themselves are named in a description; a test sees to it that none is forgotten.

const nextCursorSchema = `"nextCursor":{"type":"string","description":"cursor of the next page; absent on the last."}`

var issuesSchema = jsontext.Value(`{"type":"object","required":["issues"],"properties":{` +
	`"issues":{"type":"array","items":{"type":"object"},"description":"Each with key, summary, type, status, priority, assignee, points (story points), updated, extra (fields asked for that have a value)."},` +
	nextCursorSchema + `}}`)

var boardsSchema = jsontext.Value(`{"type":"object","required":["boards"],"properties":{` +
	`"boards":{"type":"array","items":{"type":"object"},"description":"Each with id, name, type (scrum has sprints, simple may), project."},` +
	nextCursorSchema + `}}`)

var sprintsSchema = jsontext.Value(`{"type":"object","required":["sprints"],"properties":{` +
	`"sprints":{"type":"array","items":{"type":"object"},"description":"Each with id, name, state, start, end (as planned), completed (when closed), goal."},` +
	`"note":{"type":"string","description":"What is missing."},` + nextCursorSchema + `}}`)

var issueSchema = jsontext.Value(`{"type":"object","required":["key","summary"],"properties":{` +
	`"key":{"type":"string","description":"Beside it: type, status, resolution, priority, assignee, reporter, labels, components, fixVersions, points, sprints (newest last), parent (or epic), subtasks (keys), created, updated, due, extra, browseUrl."},` +
	`"summary":{"type":"string","description":"Summary."},` +
	`"description":{"type":"string","description":"Markdown; of a Data Center wiki text."},` +
	`"links":{"type":"array","items":{"type":"object"},"description":"Each with relation and key."},` +
	`"comments":{"type":"array","items":{"type":"object"},"description":"Newest first, each with author, created, body; commentsTotal is how many there are."}}}`)

var transitionsSchema = jsontext.Value(`{"type":"object","required":["key","status","transitions"],"properties":{` +
	`"key":{"type":"string","description":"Issue key."},"status":{"type":"string","description":"Status now."},` +
	`"transitions":{"type":"array","items":{"type":"object"},"description":"Each with id, name, to (status), requires (fields it asks for)."}}}`)

var reportSchema = jsontext.Value(`{"type":"object","required":["sprint","state","source","committed","completed","notCompleted","punted","added","completedOutsideSprint"],"properties":{` +
	`"sprint":{"type":"string","description":"Name; beside it goal, start, end (as planned), completedAt."},` +
	`"state":{"type":"string","description":"active, closed or future."},` +
	`"source":{"type":"string","enum":["greenhopper","agile"],"description":"greenhopper is Jira's own report, agile worked out of the issues' history: see notes."},` +
	`"completed":{"type":"object","description":"Done in it: count, points (sum at its end), issues, each with key, summary, type, status, assignee, points, pointsAtStart (if others)."},` +
	`"notCompleted":{"type":"object","description":"Not done at its end; as completed."},` +
	`"punted":{"type":"object","description":"Removed during it; as completed."},` +
	`"completedOutsideSprint":{"type":"object","description":"Done before it; as completed."},` +
	`"committed":{"type":"object","description":"In it at its start: count, points (sum then), keys of issues above."},` +
	`"added":{"type":"object","description":"Added during it; as committed."},` +
	`"notes":{"type":"array","items":{"type":"string"},"description":"What the report cannot know."}}}`)
