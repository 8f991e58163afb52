-- Makes a new receiver the only one of a group of some streams.
-- KEYS: the streams.
-- ARGV: the group; 1 if streams and groups that are not there are made; then for each stream where a group
-- that is made begins: `0`, `$`, or the id behind which it begins.
-- Returns `yours`, the receiver, and for each stream the id that was delivered last, how many entries of
-- others were gone, and the first that is not acknowledged; or `no stream` or `no group`, and which.

local group, declare = ARGV[1], ARGV[2] == '1'

-- Whether the entries of a stream end before an id: then it is not the stream that had it.
local function ends_before(info, id)
    local last, last_number = string.match(field(info, 'last-generated-id'), '(%d+)-(%d+)')
    local time, number = string.match(id, '(%d+)-(%d+)')
    last, last_number, time, number =
        tonumber(last), tonumber(last_number), tonumber(time), tonumber(number)
    return last < time or last == time and last_number < number
end

-- Makes a group that knows how many entries were there before its first, so that it notices a gap.
local function create(stream, exists, start)
    local added, gone = 0, 0
    if exists then
        local info = redis.call('XINFO', 'STREAM', stream)
        added = field(info, 'entries-added')
        gone = added - field(info, 'length')
        if string.find(start, '-', 1, true) and ends_before(info, start) then
            start = '0'
        end
    elseif start ~= '$' then
        start = '0'
    end
    local command = {'XGROUP', 'CREATE', stream, group, start, 'MKSTREAM'}
    if start == '0' or start == '$' then
        command[7] = 'ENTRIESREAD'
        command[8] = start == '0' and gone or added
    end
    redis.call(unpack(command))
end

-- Takes what another consumer has not acknowledged, and says how much of it is gone.
local function claim(stream, consumer)
    local gone = 0
    while true do
        local page = redis.call('XPENDING', stream, group, '-', '+', 500, consumer)
        if #page == 0 then
            return gone
        end
        local ids = {}
        for place, entry in ipairs(page) do
            ids[place] = entry[1]
        end
        local command = {'XCLAIM', stream, group, CONSUMER, 0, unpack(ids)}
        command[#command + 1] = 'JUSTID'
        local claimed = redis.call(unpack(command))
        if #claimed == 0 then
            redis.call('XACK', stream, group, unpack(ids))
        end
        gone = gone + #ids - #claimed
    end
end

local makes = {}
for place, stream in ipairs(KEYS) do
    local kind = redis.call('TYPE', stream).ok
    if kind ~= 'none' and kind ~= 'stream' then
        return redis.error_reply('WRONGTYPE `' .. stream .. '` holds a ' .. kind)
    end
    if kind == 'none' and not declare then
        return {'no stream', stream}
    end
    if kind == 'none' or not state_of(stream, group) then
        if not declare then
            return {'no group', stream}
        end
        makes[place] = kind
    end
end

local now = redis.call('TIME')
local token = now[1] * 1000000 + now[2]
for place, stream in ipairs(KEYS) do
    if makes[place] then
        create(stream, makes[place] == 'stream', ARGV[place + 2])
    end
    local last = tonumber(string.sub(newest(stream, group), 10)) or 0
    if last >= token then
        token = last + 1
    end
end

local me = string.format('receiver-%016.0f', token)
local lanes = {}
for place, stream in ipairs(KEYS) do
    local gone = 0
    redis.call('XGROUP', 'CREATECONSUMER', stream, group, me)
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
        local name = field(consumer, 'name')
        if name ~= me and name ~= CONSUMER then
            gone = gone + claim(stream, name)
        end
        if is_receiver(name) and name ~= me then
            redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
        end
    end
    local first = redis.call('XPENDING', stream, group, '-', '+', 1)[1]
    lanes[place] = {field(state_of(stream, group), 'last-delivered-id'), gone, first and first[1]}
end
return {'yours', me, lanes}
